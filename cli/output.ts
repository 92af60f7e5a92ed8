/** Where a run's words go. With --json, stdout is for JSON alone. */
export interface Output {
  /** Results, for people. */
  line(text: string): void;
  /** Results, for programs: does nothing without --json. */
  json(value: object): void;
  /** What is worth knowing beside the results. */
  note(text: string): void;
}

export function outputOf(json: boolean): Output {
  const note = (text: string) => void process.stderr.write(`${text}\n`);
  const print = (text: string) => void process.stdout.write(`${text}\n`);
  return {
    note,
    line: json ? note : print,
    json: json ? (value) => print(JSON.stringify(value)) : () => {},
  };
}
