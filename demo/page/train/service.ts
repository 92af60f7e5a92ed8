export class TrainingService {}
