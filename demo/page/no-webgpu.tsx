/** Reasons and remedies for browsers without WebGPU. Training goes on meanwhile, on the processor. */
import { device } from "./device.tsx";
import { Notice } from "./widgets/notice.tsx";

const SLOWLY = "many times slower. The page starts with a small network, and digits that need no download";

export function NoWebGpu() {
  const { noGpu: reason, noWasm } = device.value ?? {};
  if (reason === undefined) return null;
  const missing = !("gpu" in navigator);
  return (
    <Notice kind="warn">
      <p>
        <b>{missing ? "This browser has no WebGPU" : "This browser found no GPU to use"}</b>, so this page
        computes on {noWasm === undefined ? "the processor, by WebAssembly" : "the CPU engine"}: the same
        numbers, {noWasm === undefined ? "more slowly than a GPU would" : SLOWLY}.
      </p>
      <details>
        <summary>How to get WebGPU</summary>
        <ul class="ways">
          <li>
            Chrome and Edge 113 or newer on Windows, macOS and ChromeOS; 121 or newer on Android: it is on.
          </li>
          <li>
            Chrome on Linux: 144 or newer with a recent Intel GPU; otherwise switch on{" "}
            <code>chrome://flags/#enable-unsafe-webgpu</code> and <code>chrome://flags/#enable-vulkan</code>.
          </li>
          <li>Safari 26 or newer, on macOS, iOS, iPadOS and visionOS: it is on.</li>
          <li>
            Firefox 141 or newer on Windows, 145 or newer on macOS with Apple's chips; elsewhere in Firefox
            Nightly, or by <code>dom.webgpu.enabled</code> in <code>about:config</code>.
          </li>
          <li>
            Everywhere: the page must come over https or from localhost, and graphics acceleration must be on
            in the browser's settings. <code>chrome://gpu</code> shows Chrome's view of your GPU.
          </li>
        </ul>
        <p>Found here: {reason}</p>
        {noWasm !== undefined && <p>WebAssembly: {noWasm}</p>}
      </details>
    </Notice>
  );
}
