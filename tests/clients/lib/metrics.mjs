// Counters and gauges of `/metrics`, as Prometheus reads them.

/** Every sample: `{name, labels, value}`. */
export async function samples(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels, value]) => ({
    name,
    labels: Object.fromEntries([...(labels ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])),
    value: Number(value),
  }));
}

/** The value of the sample with this name and these labels; 0 where there is none yet. */
export async function sample(url, name, labels) {
  const fits = (found) => found.name === name && Object.entries(labels).every(([key, text]) => found.labels[key] === text);
  return (await samples(url)).find(fits)?.value ?? 0;
}
