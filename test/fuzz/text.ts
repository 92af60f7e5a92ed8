/** Readers of CSV, of safetensors and of scalers as JSON, and what their files hold by other code. */
import { readCsv, type Table } from "wgrad/csv";
import { type Scaler, scalerFrom } from "wgrad/data";
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from "wgrad/safetensors";
import type { Sample } from "./mutations.ts";
import { ensure, type Reader, reader, sameNumbers, utf8 } from "./reader.ts";

/** Rows of cells by a plain reading of RFC 4180, for a known delimiter. */
function csvRows(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  let begun = false;
  const whole = text.replace(/^\ufeff/, "").replace(/\r\n|\r/g, "\n");
  for (let i = 0; i < whole.length; i++) {
    const letter = whole[i];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (whole[i + 1] === '"') cell += whole[++i];
      else quoted = false;
    } else if (letter === '"' && !begun) quoted = begun = true;
    else if (letter === delimiter || letter === "\n") {
      row.push(cell);
      cell = "";
      begun = false;
      if (letter === "\n") {
        rows.push(row);
        row = [];
      }
    } else {
      cell += letter;
      begun = true;
    }
  }
  if (cell !== "" || row.length > 0 || begun) rows.push([...row, cell]);
  return rows.filter((cells) => cells.length > 1 || cells[0].trim() !== "");
}

const csvFiles = [
  'name,length,kind\n"a, ""b""",1.5,x\nc,-2e3,y\n"line\nbreak",0.25,x\n',
  "\ufeff__proto__,constructor,toString\r\n1,2,3\r\n4,5,6\r\n",
  `n,m\n${Array.from({ length: 30 }, (_, i) => `${i},${i / 7}`).join("\n")}`,
  "a,b\n1,NA\n,2\n",
];

export const csv: Reader = reader<Table>({
  name: "CSV",
  samples: csvFiles.map((text) => ({ bytes: utf8(text) })),
  read: (bytes) =>
    readCsv(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
      name: "file.csv",
      delimiter: ",",
      maxBytes: 2 ** 22,
    }),
  check(table, bytes) {
    // A packed file is another reader's.
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return;
    const [header, ...rows] = csvRows(new TextDecoder().decode(bytes), ",");
    const names = header.map((name) => name.trim());
    ensure(names.join("\0") === table.columns.join("\0"), `columns ${table.columns} for ${names}`);
    ensure(rows.length === table.rows, `${table.rows} rows for ${rows.length}`);
    names.forEach((name, i) => {
      ensure(
        table.column(name).every((cell, row) => cell === rows[row][i]),
        `other cells of ${name}`,
      );
    });
  },
  words: /^file\.csv/,
});

/** A table on its way to numbers, columns of hostile names among them. */
export const csvNumbers: Reader = reader({
  name: "CSV to a data set",
  samples: [csvFiles[1], csvFiles[2], "a,kind,y\n1,u,0\n2,v,1\n3,u,1\n"].map((text) => ({
    bytes: utf8(text),
  })),
  async read(bytes) {
    const table = await readCsv(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
      name: "file.csv",
      delimiter: ",",
      maxBytes: 2 ** 22,
    });
    const categorical = table.columns.includes("kind") ? ["kind"] : [];
    return { table, set: table.dataset({ categorical, fill: {}, inputs: table.columns }) };
  },
  check({ table, set }) {
    ensure(set.count === table.rows, "other rows");
    ensure(set.inputs.data.every(Number.isFinite), "numbers that are not finite");
    ensure(
      set.schema?.columns?.map(({ name }) => name).join("\0") === table.columns.join("\0"),
      "other columns",
    );
  },
  words: /^file\.csv/,
  unpacked: (read, bytes) => 12 * bytes.length + 8 * (read?.set.inputs.data.length ?? 0),
});

/** A safetensors file with another header. */
function withHeader(bytes: Uint8Array, header: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const start = 8 + Number(view.getBigUint64(0, true));
  const text = utf8(header);
  const file = new Uint8Array(8 + text.length + bytes.length - start);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(bytes.subarray(start), 8 + text.length);
  return file;
}

export function headerOf(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return new TextDecoder().decode(bytes.subarray(8, 8 + Number(view.getBigUint64(0, true))));
}

/** A safetensors file whose header, and texts of whose metadata, are JSON to edit. */
export function tensorSample(bytes: Uint8Array, ...keys: string[]): Sample {
  const header = headerOf(bytes);
  const inner = keys.map((key) => {
    const fields = JSON.parse(header);
    return {
      text: fields.__metadata__[key] as string,
      with: (text: string) =>
        withHeader(
          bytes,
          JSON.stringify({ ...fields, __metadata__: { ...fields.__metadata__, [key]: text } }),
        ),
    };
  });
  return { bytes, texts: [{ text: header, with: (text) => withHeader(bytes, text) }, ...inner] };
}

const BYTES: Readonly<Record<string, number>> = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 };

interface Field {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Fields of a safetensors file's header, each checked; the order of the data. */
function tensorFields(bytes: Uint8Array): [string, Field][] {
  const fields = Object.entries(JSON.parse(headerOf(bytes)) as Record<string, Field>);
  const tensors = fields.filter(([name]) => name !== "__metadata__");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const size = BigInt(bytes.length - 8) - view.getBigUint64(0, true);
  let reached = 0n;
  for (const [name, { dtype, shape, data_offsets: offsets }] of tensors.toSorted(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  )) {
    const [begin, end] = offsets.map(BigInt);
    const count = shape.reduce((product, length) => product * BigInt(length), 1n);
    ensure(begin === reached && end - begin === count * BigInt(BYTES[dtype]), `${name} does not lie so`);
    reached = end;
  }
  ensure(reached === size, "bytes are left over");
  return tensors;
}

/** The element of a type, by Node's Buffer. */
function element(file: Buffer, dtype: string, at: number): number {
  switch (dtype) {
    case "F64":
      return Math.fround(file.readDoubleLE(at));
    case "I64":
      return Number(file.readBigInt64LE(at));
    case "F32":
      return file.readFloatLE(at);
    case "I32":
      return file.readInt32LE(at);
    case "U8":
      return file.readUInt8(at);
    case "BF16":
      return Buffer.from([0, 0, file[at], file[at + 1]]).readFloatLE(0);
  }
  const bits = file.readUInt16LE(at);
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size =
    exponent === 0
      ? fraction * 2 ** -14
      : exponent === 31
        ? fraction
          ? Number.NaN
          : Number.POSITIVE_INFINITY
        : (1 + fraction) * 2 ** (exponent - 15);
  return bits >> 15 ? -size : size;
}

export function checkTensors({ tensors, metadata, dtypes }: SafetensorsFile, bytes: Uint8Array): void {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const fields = tensorFields(bytes);
  ensure(fields.length === tensors.size, `${tensors.size} tensors for ${fields.length}`);
  for (const [name, { dtype, shape, data_offsets: offsets }] of fields) {
    const tensor = tensors.get(name);
    ensure(tensor !== undefined, `${name} is lost`);
    ensure(dtypes.get(name) === dtype, `${name} of another type`);
    ensure(sameNumbers(tensor.shape, shape), `${name} of another shape`);
    const count = tensor.data.length;
    const values = Array.from({ length: count }, (_, i) =>
      element(file, dtype, start + offsets[0] + i * BYTES[dtype]),
    );
    ensure(sameNumbers(tensor.data, values), `other values of ${name}`);
  }
  const texts = Object.entries((JSON.parse(headerOf(bytes)).__metadata__ ?? {}) as Record<string, string>);
  ensure(JSON.stringify(Object.entries(metadata)) === JSON.stringify(texts), "other metadata");
  // Written again, the file says the same.
  const again = decodeSafetensors(encodeSafetensors(tensors, metadata));
  ensure(JSON.stringify([...again.tensors.keys()]) === JSON.stringify([...tensors.keys()]), "another order");
  for (const [name, { data, shape }] of again.tensors) {
    const { data: first, shape: firstShape } = tensors.get(name) as { data: Float32Array; shape: number[] };
    ensure(sameNumbers(data, first) && sameNumbers(shape, firstShape), `${name} is written otherwise`);
  }
}

/** A file of all types, by the format's description. */
function everyType(): Uint8Array {
  const types = Object.entries(BYTES);
  let at = 0;
  const fields = types.map(([dtype, bytes]) => {
    const begin = at;
    at += 4 * bytes;
    return [dtype.toLowerCase(), { dtype, shape: [2, 2], data_offsets: [begin, at] }];
  });
  const text = utf8(JSON.stringify(Object.fromEntries(fields)));
  const data = Uint8Array.from({ length: at }, (_, i) => [0, 0, 0, 0x3c][i % 4]);
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(text.length), true);
  const file = Uint8Array.from(Buffer.concat([head, text, data]));
  // A whole number of 64 bits that 32 bits hold.
  file.fill(0, 8 + text.length + 32, 8 + text.length + 64);
  file[8 + text.length + 32] = 7;
  return file;
}

const named = encodeSafetensors(
  new Map([
    ["__proto__", { shape: [2], data: Float32Array.of(1, Number.NaN) }],
    ["constructor", { shape: [], data: Int32Array.of(-7) }],
    ["0.weight", { shape: [2, 3], data: Float32Array.of(1, -0, 2, 3.5, 1e38, -1) }],
    ["none", { shape: [0, 4], data: new Uint8Array(0) }],
    ["\ud800 \u0000 ü", { shape: [3], data: Uint8Array.of(1, 2, 255) }],
  ]),
  JSON.parse('{"__proto__":"text","format":"pt","toString":"\\ud800"}'),
);

export const safetensors: Reader = reader({
  name: "safetensors",
  samples: [tensorSample(named), tensorSample(everyType()), { bytes: encodeSafetensors({}) }],
  read: (bytes) => decodeSafetensors(bytes, "file.safetensors"),
  check: checkTensors,
  words: /^file\.safetensors: /,
});

const json = (value: unknown): Sample => {
  const text = JSON.stringify(value);
  return { bytes: utf8(text), texts: [{ text, with: utf8 }] };
};

/** `scalerFrom` of a JSON text. A text that is no JSON is the caller's. */
export const scaler: Reader = reader<Scaler | string>({
  name: "scalers as JSON",
  samples: [
    json({ kind: "standard", shape: [2], offset: [1, 2], factor: [3, 4.5] }),
    json({ kind: "minMax", shape: [], offset: [0], factor: [-1e-3], of: "targets" }),
    json({ kind: "robust", shape: [2, 1, 1], offset: [0, 1], factor: [1, 2], of: "inputs" }),
  ],
  read(bytes) {
    let data: Parameters<typeof scalerFrom>[0];
    try {
      data = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return "no JSON";
    }
    return scalerFrom(data);
  },
  check(read, bytes) {
    if (typeof read === "string") return;
    const data = JSON.parse(new TextDecoder().decode(bytes));
    for (const key of ["shape", "offset", "factor"] as const)
      ensure(Array.isArray(data[key]) && sameNumbers(data[key], read[key]), `another ${key}`);
    ensure(data.kind === read.kind && (data.of ?? "inputs") === read.of, "another kind");
    ensure(
      read.factor.every((factor) => Number.isFinite(factor) && factor !== 0),
      "a factor that is none",
    );
  },
  words: /^scaler/,
});
