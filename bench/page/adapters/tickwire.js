import { connect } from "tickwire";

export function open({ url }, take, failed) {
  const tick = connect(url, {
    onstate: (state) => state === "failed" && failed(tick.cause),
  });
  tick.subscribe("bench").onvalue = ({ value }) => take(value);
  return { close: () => tick.close(), path: () => tick.path };
}
