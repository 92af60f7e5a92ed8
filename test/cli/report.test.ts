/** What a run tells: numbers, tables, the confusion matrix, the progress bar's texts. */
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { oneLine } from "../../cli/errors.ts";
import { clock, grouped, percent } from "../../cli/numbers.ts";
import { barTexts, Rate, TrainingBar } from "../../cli/progress.ts";
import { confusionTable, epochLine, timingTable } from "../../cli/report.ts";
import { table } from "../../src/text.ts";

const epoch = {
  epoch: 2,
  loss: 0.123456,
  accuracy: 0.96306,
  validation: { loss: 0.2, accuracy: 0.969, confusion: [] },
  seconds: 2.3061,
  validationSeconds: 0.1,
  samplesPerSecond: 26012.4,
};

describe("numbers for people", () => {
  it("are short", () => {
    expect(grouped(1234567.8)).toBe("1,234,568");
    expect(percent(0.97654)).toBe("97.65 %");
    expect([clock(5), clock(75), clock(3700), clock(59.6)]).toEqual(["0:05", "1:15", "1:01:40", "1:00"]);
  });
});

describe("an epoch's line", () => {
  it("has the loss, both accuracies, time and speed", () => {
    expect(epochLine(epoch, 10)).toBe(
      "epoch  2/10  loss 0.1235  accuracy 96.31 %  test accuracy 96.90 %  2.31 s  26,012 samples/s",
    );
  });
});

describe("the confusion matrix", () => {
  const lines = confusionTable([
    [980, 0, 12],
    [3, 1100, 0],
    [0, 0, 0],
  ]);

  it("has headings, recall for each row and precision for each column", () => {
    expect(lines).toEqual([
      "Confusion matrix: rows are the true digits, columns the predicted ones",
      "               0       1     2   recall",
      "0            980       ·    12  98.79 %",
      "1              3    1100     ·  99.73 %",
      "2              ·       ·     ·        –",
      "precision  99.7%  100.0%  0.0%",
    ]);
  });

  it("has its columns one below the other", () => {
    const ends = lines
      .slice(1, -1)
      .map((line) => [...line.matchAll(/\S+/g)].map((cell) => cell.index + cell[0].length));
    // The heading row has no cell in the first column; recall has a unit of its own.
    expect(ends[1].slice(1, 4)).toEqual(ends[0].slice(0, 3));
    expect(ends[2].slice(1, 4)).toEqual(ends[0].slice(0, 3));
  });
});

describe("the table of times", () => {
  it("adds up, with what is left over named", () => {
    const lines = timingTable({ data: 1, device: 0.5, compile: 2, training: 5, evaluation: 1, total: 10 });
    expect(lines.map((line) => line.trim().replace(/\s{2,}/g, "|"))).toEqual([
      "Where the time went",
      "data|1.00 s|10.0 %",
      "adapter and device|0.50 s|5.0 %",
      "compile and first steps|2.00 s|20.0 %",
      "training|5.00 s|50.0 %",
      "evaluation|1.00 s|10.0 %",
      "other|0.50 s|5.0 %",
      "total|10.00 s|100.0 %",
    ]);
  });
});

describe("tables", () => {
  it("set numbers flush right", () => {
    expect(
      table([
        ["a", "1"],
        ["long", "100"],
      ]),
    ).toEqual(["a       1", "long  100"]);
  });
});

describe("the progress bar", () => {
  const progress = { epoch: 2, epochs: 4, samples: 500, samplesPerEpoch: 1000, loss: 0.5, accuracy: 0.875 };

  it("tells of the time left of the whole run", () => {
    expect(barTexts(progress, 100)).toEqual({
      epoch: 2,
      epochs: 4,
      loss: "0.5000",
      accuracy: "87.50 %",
      rate: "100",
      left: "0:25",
    });
    expect(barTexts(progress, undefined)).toMatchObject({ rate: "…", left: "…" });
  });

  it("leaves the time before the first results out of the speed", () => {
    const rate = new Rate();
    expect(rate.at(128, 10_000)).toBeUndefined();
    expect(rate.at(628, 10_500)).toBe(1000);
  });

  /** A stream that keeps what is written, and is a terminal or not. */
  function stream(isTTY: boolean) {
    let text = "";
    const writable = new Writable({
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    const terminal = Object.assign(writable, { isTTY, columns: 100 }) as unknown as NodeJS.WriteStream;
    return { terminal, text: () => text };
  }

  it("shows on a terminal, and switches nothing of it off", () => {
    const { terminal, text } = stream(true);
    const bar = new TrainingBar(terminal, 4);
    bar.show();
    bar.update(progress);
    let during = "";
    bar.around(() => {
      during = text();
    });
    bar.hide();
    expect(text()).toContain("epoch 1/4 [");
    expect(text()).toContain("epoch 2/4 [");
    expect(text()).toContain("loss 0.5000  accuracy 87.50 %");
    // The line is cleared before anything is printed in its place, and at the end.
    expect(during.endsWith("\u001b[2K")).toBe(true);
    expect(text().endsWith("\u001b[2K")).toBe(true);
    expect(text()).not.toContain("\u001b[?");
  });

  it("shows nothing where there is no terminal", () => {
    const { terminal, text } = stream(false);
    const bar = new TrainingBar(terminal, 4);
    bar.show();
    bar.update(progress);
    bar.hide();
    expect(text()).toBe("");
  });
});

describe("an error", () => {
  it("takes one line", () => {
    expect(oneLine(new Error("first:\n  second\n\tthird "))).toBe("first: second third");
    expect(oneLine("text")).toBe("text");
  });

  it("that goes on and on is cut behind its first line", () => {
    const long = `kernel x does not compile: reason\n${"  1 fn main() {}\n".repeat(200)}`;
    expect(oneLine(new Error(long))).toBe(
      "kernel x does not compile: reason … (DEBUG=wgrad shows all of it)",
    );
  });
});
