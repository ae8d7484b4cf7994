/** What Node's --cpu-prof writes: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** One function as called from one place. */
export interface Frame {
  readonly name: string;
  /** Microseconds in itself, and in itself with all that it called. */
  self: number;
  total: number;
  readonly children: Frame[];
}

/** The call tree with its times. */
export function callTree({ nodes, samples, timeDeltas }: CpuProfile, root: string): Frame {
  const frames = new Map<number, Frame>();
  for (const { id, callFrame } of nodes) {
    frames.set(id, { name: nameOf(callFrame, root), self: 0, total: 0, children: [] });
  }
  samples.forEach((id, index) => {
    const frame = frames.get(id);
    if (frame !== undefined) frame.self += timeDeltas[index] ?? 0;
  });
  for (const { id, children = [] } of nodes) {
    const frame = frames.get(id);
    for (const child of children) frame?.children.push(frames.get(child) as Frame);
  }
  const top = frames.get(nodes[0]?.id ?? 0) as Frame;
  addUp(top);
  return top;
}

function addUp(frame: Frame): number {
  frame.total = frame.self + frame.children.reduce((sum, child) => sum + addUp(child), 0);
  return frame.total;
}

function nameOf(
  { functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame'],
  root: string,
): string {
  const place = url
    .replace('file://', '')
    .replace(`${root}/`, '')
    .replace(/^.*node_modules\//, '');
  const name = functionName === '' ? '(anonymous)' : functionName;
  return place === '' ? name : `${name} ${place}:${String(lineNumber + 1)}`;
}

/** By function, wherever it was called from: the most expensive first. */
export function bySelfTime(top: Frame): { readonly name: string; readonly self: number }[] {
  const sums = new Map<string, number>();
  const visit = (frame: Frame): void => {
    sums.set(frame.name, (sums.get(frame.name) ?? 0) + frame.self);
    frame.children.forEach(visit);
  };
  visit(top);
  return [...sums].map(([name, self]) => ({ name, self })).sort((a, b) => b.self - a.self);
}
