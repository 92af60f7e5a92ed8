export class CompareService {}
