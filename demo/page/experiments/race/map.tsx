/** The surface from above, with its scale of colours and the racers on it. A click or a tap moves the start. */
import { useEffect, useRef, useState } from "preact/hooks";
import { significant } from "../../widgets/numbers.ts";
import { type Bands, edgeOf, shadeOf } from "./bands.ts";
import type { Ground, GroundOptions } from "./ground.ts";
import { channels, frameOf, paintAxes, paintStart, paintTrail, token, toPixels, toPlace } from "./paint.ts";
import {
  isShown,
  type Point,
  RACER_NAMES,
  RACERS,
  type SurfaceName,
  surfaceOf,
  type Trail,
} from "./surfaces.ts";

interface MapProps {
  readonly surface: SurfaceName;
  readonly start: Point;
  readonly trails: readonly Trail[];
  readonly onPick: (start: Point) => void;
  /** Computes the ground. */
  readonly survey: (options: GroundOptions) => Promise<Ground>;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** More pixels than so many for each of CSS are not seen, and take long to compute. */
const FINEST = 2;

export function SurfaceMap({ surface: name, start, trails, onPick, survey }: MapProps) {
  const surface = surfaceOf(name);
  const holder = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const size = useSize(holder);
  const dark = useDark();
  const ground = useGround(name, size, dark, survey);
  const frame = frameOf(size.width, size.height);
  useEffect(() => {
    const context = sized(below.current, size);
    if (!context) return;
    if (ground) {
      const { left, top, width, height } = frame;
      context.drawImage(ground.image, left, top, width, height);
    }
    paintAxes(context, surface, frame);
  }, [name, ground, size, dark]);
  const pixel = (place: Point) => toPixels(frame, surface, place);
  /** Number of places drawn of each trail; they stay drawn until anything else changes. */
  const drawn = useRef<number[]>([]);
  useEffect(() => {
    const context = sized(above.current, size);
    if (!context) return;
    drawn.current = [];
    paintStart(context, pixel(start));
  }, [name, start, size, dark]);
  useEffect(() => {
    const context = above.current?.getContext("2d");
    if (!context || size.width === 0) return;
    if (trails.some(({ x }, i) => x.length < (drawn.current[i] ?? 0))) {
      sized(above.current, size);
      drawn.current = [];
      paintStart(context, pixel(start));
    }
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    trails.forEach(({ x, y }, i) => {
      const from = Math.max(0, (drawn.current[i] ?? 0) - 1);
      const places = x.slice(from).map((one, k) => pixel({ x: one, y: y[from + k] }));
      if (places.length > 1) paintTrail(context, places, token(`--s${i + 1}`));
      drawn.current[i] = x.length;
    });
    context.restore();
  }, [name, start, trails, size, dark]);
  const pick = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLCanvasElement).getBoundingClientRect();
    const place = toPlace(frame, surface, { x: event.clientX - box.left, y: event.clientY - box.top });
    if (isShown(surface, place)) onPick({ x: Number(place.x.toFixed(2)), y: Number(place.y.toFixed(2)) });
  };
  return (
    <>
      <ul class="legend">
        {RACER_NAMES.map((racer, i) => (
          <li key={racer} class="dots" style={`--c: var(--s${i + 1})`}>
            {RACERS[racer]}
          </li>
        ))}
      </ul>
      <div
        ref={holder}
        class="experiments-map"
        role="img"
        aria-label={`${surface.label} from above. ${told(start, trails)}`}
      >
        <canvas ref={below} />
        <canvas ref={above} onClick={pick} />
        {trails.map(({ x, y }, i) => {
          const at = { x: x.at(-1) ?? Number.NaN, y: y.at(-1) ?? Number.NaN };
          if (!isShown(surface, at)) return null;
          const { x: left, y: top } = pixel(at);
          return (
            <i
              key={RACER_NAMES[i]}
              class="experiments-head"
              style={`translate: ${left}px ${top}px; background: var(--s${i + 1})`}
            />
          );
        })}
      </div>
      {ground && <Scale bands={ground.bands} />}
    </>
  );
}

function told(start: Point, trails: readonly Trail[]): string {
  const at = trails.map(({ x, y }, i) => {
    const last = x.length - 1;
    return `${RACERS[RACER_NAMES[i]]} at (${significant(x[last])}, ${significant(y[last])})`;
  });
  return `Start at (${start.x}, ${start.y}). ${at.join("; ")}`;
}

/** The colours of the bands, named where a decade begins. */
function Scale({ bands }: { readonly bands: Bands }) {
  const edge = (band: number) => significant(edgeOf(bands, band));
  return (
    <figure>
      <div
        class="experiments-scale"
        role="img"
        aria-label={`Scale of colours: loss from ${edge(0)} or less to ${edge(bands.count)}, a line at each half of a power of ten`}
      >
        {Array.from({ length: bands.count }, (_, band) => (
          <div key={band}>
            <i
              style={`background: color-mix(in srgb, var(--experiments-high) ${100 * shadeOf(bands, band)}%, var(--experiments-low))`}
            />
            {band % 2 === 0 && edge(band)}
          </div>
        ))}
      </div>
      <figcaption class="hint">
        Loss, by colour. Crosses: minima, where it is 0. Click the map to move the start.
      </figcaption>
    </figure>
  );
}

/** The canvas's context, cleared and in CSS pixels; undefined while it has no size. */
function sized(
  canvas: HTMLCanvasElement | null,
  { width, height }: Size,
): CanvasRenderingContext2D | undefined {
  const context = canvas?.getContext("2d");
  if (!canvas || !context || width === 0) return undefined;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  context.scale(devicePixelRatio, devicePixelRatio);
  return context;
}

interface Surveyed {
  readonly surface: SurfaceName;
  readonly image: ImageBitmap;
  readonly bands: Bands;
}

/** The ground of the surface, for the canvas's size and the page's colours; undefined until it is computed. */
function useGround(
  surface: SurfaceName,
  size: Size,
  dark: boolean,
  survey: MapProps["survey"],
): Surveyed | undefined {
  const [found, setFound] = useState<Surveyed>();
  useEffect(() => {
    if (size.width === 0) return;
    let stale = false;
    const { width, height } = frameOf(size.width, size.height);
    const ratio = Math.min(devicePixelRatio, FINEST);
    const [low, high, line] = ["--experiments-low", "--experiments-high", "--muted"].map((name) =>
      channels(token(name)),
    );
    (async () => {
      const ground = await survey({
        surface,
        width: Math.round(width * ratio),
        height: Math.round(height * ratio),
        low,
        high,
        line,
      });
      const image = await createImageBitmap(new ImageData(ground.pixels, ground.width, ground.height));
      if (!stale) setFound({ surface, image, bands: ground.bands });
    })().catch(() => {
      // The race itself says that its computing side is not there.
    });
    return () => {
      stale = true;
    };
  }, [surface, size, dark]);
  return found?.surface === surface ? found : undefined;
}

function useSize(element: { readonly current: HTMLElement | null }): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) =>
      setSize({ width: contentRect.width, height: contentRect.height }),
    );
    observer.observe(element.current as HTMLElement);
    return () => observer.disconnect();
  }, []);
  return size;
}

function useDark(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = ({ matches }: MediaQueryListEvent) => setDark(matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return dark;
}
