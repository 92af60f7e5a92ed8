/** A page's own worker, which keeps checkpoints. */
import * as here from "./private-files.js";

addEventListener("message", async ({ data: [name, options] }) => {
  try {
    postMessage(await Reflect.get(here, name)(options));
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
