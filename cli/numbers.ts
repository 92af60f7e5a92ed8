/** Numbers as text: parsed from options, and formatted for people. */
import { InvalidArgumentError } from "commander";
import { decimal } from "../presets/command.ts";

/** Parses an option's value: a number that `accepts` approves; `expected` describes such numbers. */
export function numberThat(accepts: (value: number) => boolean, expected: string): (text: string) => number {
  return (text) => {
    const value = decimal(text);
    // Kernels compute in 32 bits: a number that overflows there is refused.
    if (Number.isFinite(Math.fround(value)) && accepts(value)) return value;
    throw new InvalidArgumentError(`Expected ${expected}.`);
  };
}

/** 60000 → "60,000". */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** 0.9765 → "97.65 %". */
export function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}

/** 3.14159 → "3.14 s". */
export function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

/** Time left: 75 → "1:15", 3700 → "1:01:40". */
export function clock(value: number): string {
  const whole = Math.round(value);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
