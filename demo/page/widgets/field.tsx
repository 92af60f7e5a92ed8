/** Labelled inputs. Typed text is held as text until it is a value; an error is shown beside the field. */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  /** A word of help below. */
  readonly help?: ComponentChildren;
  readonly disabled?: boolean;
}

interface SelectProps<Value extends string> extends FieldProps {
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, label: string])[];
  readonly onChange: (value: Value) => void;
}

export function Select<Value extends string>({ value, options, onChange, ...field }: SelectProps<Value>) {
  const id = useId();
  return (
    <Frame id={id} {...field}>
      <select
        id={id}
        value={value}
        disabled={field.disabled}
        aria-describedby={field.help ? `${id}-help` : undefined}
        onChange={(event) => onChange(event.currentTarget.value as Value)}
      >
        {options.map(([option, label]) => (
          <option key={option} value={option}>
            {label}
          </option>
        ))}
      </select>
    </Frame>
  );
}

/** A record of labels as a select's options. */
export function optionsOf<Name extends string>(labels: Record<Name, string | { readonly label: string }>) {
  const entries = Object.entries(labels) as [Name, string | { readonly label: string }][];
  return entries.map(([name, label]) => [name, typeof label === "string" ? label : label.label] as const);
}

interface TextProps<Value> extends FieldProps {
  readonly value: Value;
  readonly format: (value: Value) => string;
  /** @throws Error with the expected form */
  readonly parse: (text: string) => Value;
  readonly onChange: (value: Value) => void;
  readonly inputMode?: "decimal" | "numeric" | "text";
}

/** A field for anything that can be written as text. */
export function TextField<Value>({
  value,
  format,
  parse,
  onChange,
  inputMode = "text",
  ...field
}: TextProps<Value>) {
  const id = useId();
  const shown = format(value);
  // The typed text counts as long as the value is the one that the text was typed over.
  const [typed, setTyped] = useState<{
    readonly text: string;
    readonly over: string;
    readonly problem: string;
  }>();
  const { text, problem } = typed?.over === shown ? typed : { text: shown, problem: "" };
  /** Half a number is no value yet: the text is read when the field is left, or Enter is pressed. */
  const entered = (input: string) => {
    try {
      const parsed = parse(input);
      setTyped(undefined);
      if (format(parsed) !== shown) onChange(parsed);
    } catch (error) {
      setTyped({ text: input, over: shown, problem: (error as Error).message });
    }
  };
  const described = [field.help && `${id}-help`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <Frame id={id} {...field} problem={problem}>
      <input
        id={id}
        type="text"
        inputMode={inputMode}
        autocomplete="off"
        spellcheck={false}
        value={text}
        disabled={field.disabled}
        aria-invalid={problem ? true : undefined}
        aria-describedby={described || undefined}
        onInput={(event) => setTyped({ text: event.currentTarget.value, over: shown, problem })}
        onChange={(event) => entered(event.currentTarget.value)}
      />
    </Frame>
  );
}

interface NumberProps extends FieldProps {
  readonly value: number;
  /** Both included. */
  readonly from?: number;
  readonly to?: number;
  /** Whole numbers only. */
  readonly whole?: boolean;
  readonly onChange: (value: number) => void;
}

export function NumberField({
  from = Number.NEGATIVE_INFINITY,
  to = Number.POSITIVE_INFINITY,
  whole = false,
  ...field
}: NumberProps) {
  const parse = (text: string) => {
    const value = Number(text.trim().replace(",", "."));
    const fits = text.trim() !== "" && value >= from && value <= to && (!whole || Number.isInteger(value));
    if (fits) return value;
    throw new RangeError(`expected ${whole ? "a whole number" : "a number"}${rangeOf(from, to)}`);
  };
  return <TextField {...field} format={String} parse={parse} inputMode={whole ? "numeric" : "decimal"} />;
}

function rangeOf(from: number, to: number): string {
  if (Number.isFinite(from) && Number.isFinite(to)) return ` from ${from} to ${to}`;
  if (Number.isFinite(from)) return ` from ${from}`;
  return Number.isFinite(to) ? ` up to ${to}` : "";
}

interface CheckProps extends FieldProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function Check({ label, help, checked, disabled, onChange }: CheckProps) {
  const id = useId();
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        aria-describedby={help ? `${id}-help` : undefined}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      {help && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}

interface FrameProps extends FieldProps {
  readonly id: string;
  readonly problem?: string;
  readonly children: ComponentChildren;
}

function Frame({ id, label, help, problem, children }: FrameProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {help && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
      {problem && (
        <p class="problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
