// Counters and gauges of `/metrics`, as Prometheus reads them.

/** The text as it is served; it covers all apps, so it needs the operator's key. */
export async function metricsText({ url, admin_key }) {
  return (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${admin_key}` } })).text();
}

/** Every sample: `{name, labels, value}`. */
export async function samples(connection) {
  const text = await metricsText(connection);
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels, value]) => ({
    name,
    labels: Object.fromEntries([...(labels ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])),
    value: Number(value),
  }));
}

/** The value of the sample with this name and these labels; 0 where there is none yet. */
export async function sample(connection, name, labels) {
  const fits = (found) => found.name === name && Object.entries(labels).every(([key, text]) => found.labels[key] === text);
  return (await samples(connection)).find(fits)?.value ?? 0;
}
