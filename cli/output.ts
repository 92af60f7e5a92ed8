/** Output of a run. With --json, stdout holds JSON only. */
export interface Output {
  /** Results, for people. */
  line(text: string): void;
  /** Results, for programs: does nothing without --json. */
  json(value: object): void;
  /** Notes besides the results. */
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
