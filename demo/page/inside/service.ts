export class InsideService {}
