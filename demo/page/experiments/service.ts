export class ExperimentsService {}
