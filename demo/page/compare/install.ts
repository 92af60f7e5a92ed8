/** Run before the page is served or built: installs the libraries to compare with. The page does without where that fails. */
import { installOthers } from "../../../bench/peers/bundle.ts";

try {
  installOthers((line) => console.error(line));
} catch (error) {
  console.error(`${(error as Error).message}\nThe page will report these libraries as missing.`);
}
