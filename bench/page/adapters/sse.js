export function open({ url }, take) {
  const events = new EventSource(`${url}events`);
  events.onmessage = ({ data }) => take(data);
  return { close: () => events.close() };
}
