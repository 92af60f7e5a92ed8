/** A tiny MNIST, and a server on 127.0.0.1 that gives its files in good ways and bad ones. */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { MnistFile, MnistSource } from "../../src/data/mnistSource.ts";
import { idxFile, packed } from "./files.ts";

/** Three samples to train on, two to test on, of 2 × 2 pixels. */
export const files: Readonly<Record<string, Uint8Array>> = {
  "train-images": idxFile([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]),
  "train-labels": idxFile([3], [9, 0, 4]),
  "test-images": idxFile([2, 2, 2], [7, 6, 5, 4, 3, 2, 1, 0]),
  "test-labels": idxFile([2], [1, 2]),
};

const file = (name: string): MnistFile => ({
  name,
  md5: createHash("md5").update(files[name]).digest("hex"),
  bytes: files[name].length,
});

/** The tiny MNIST with its own sums; a server that says nothing is given up after a time that a busy machine keeps, too. */
export const tiny: MnistSource = {
  trainImages: file("train-images"),
  trainLabels: file("train-labels"),
  testImages: file("test-images"),
  testLabels: file("test-labels"),
  stallMs: 1500,
};

/** Ways to answer, each the first part of a path. */
const answers: Record<string, (response: ServerResponse, name: string, gz: Uint8Array) => void> = {
  good: (response, _name, gz) => response.writeHead(200, { "content-length": gz.length }).end(gz),
  redirected: (response, name) => response.writeHead(302, { location: `/good/${name}.gz` }).end(),
  "unpacked-by-transfer": (response, _name, gz) =>
    response.writeHead(200, { "content-encoding": "gzip", "content-length": gz.length }).end(gz),
  "only-labels": (response, name, gz) =>
    name.endsWith("labels") ? response.end(gz) : response.writeHead(404).end(),
  missing: (response) => response.writeHead(404).end("<html>not here</html>"),
  "web-page": (response) => response.end("<html>please sign in</html>"),
  empty: (response) => response.end(),
  short: (response, _name, gz) => response.end(gz.subarray(0, gz.length - 5)),
  wrong: (response) => response.end(packed(idxFile([1], [1]))),
  "breaks-off": (response, _name, gz) => {
    response.writeHead(200, { "content-length": gz.length + 100 }).write(gz);
    setTimeout(() => response.destroy(), 20);
  },
  silent: () => {},
  stalls: (response, _name, gz) => {
    response.writeHead(200, { "content-length": gz.length }).write(gz.subarray(0, 10));
  },
};

export interface MnistServer {
  /** the mirror that answers in this way */
  mirror(way: string): string;
  /** paths asked for so far */
  readonly asked: string[];
  close(): void;
}

export async function serve(): Promise<MnistServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [, way = "", path = ""] = (request.url ?? "").split("/");
    asked.push(`${way}/${path}`);
    const name = path.replace(/\.gz$/, "");
    answers[way]?.(response, name, packed(files[name] as Uint8Array));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    mirror: (way) => `http://127.0.0.1:${port}/${way}/`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
