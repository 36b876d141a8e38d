// A product's server on the server's host, and what feeds it: itself, or a program beside it.
import { Child } from "./child.mjs";

export class Server {
  #rate = 0;

  /** `where`: { namespace, host, port, folder }. */
  static async start(product, where) {
    const server = new Server();
    Object.assign(server, { product, where });
    server.#spawn();
    if (product.producer) {
      // It is there once the server takes what it puts.
      server.producer = server.#child(product.producer(server.#named()));
    }
    await server.#ready();
    return server;
  }

  #named() {
    return { ...this.where, name: `${this.product.name}-${this.where.port}` };
  }

  #child({ command, args, cwd, env }) {
    const { namespace, folder } = this.where;
    return new Child(command, args, { namespace, cwd, env, log: `${folder}/${this.#named().name}.log` });
  }

  #spawn() {
    this.child = this.#child(this.product.server(this.#named()));
    if (!this.product.producer) this.producer = this.child;
  }

  async #ready() {
    this.ready = await Promise.race([this.producer.told(), this.child.exited.then(() => this.child.told())]);
  }

  /** Changes each key so many times a second from now on. */
  rate(times) {
    this.#rate = times;
    this.producer.say(`rate ${times}`);
  }

  /** Changes none any more, and says when each key's last value was made. */
  async last() {
    this.rate(0);
    return (await this.producer.told()).last;
  }

  cost() {
    return this.child.cost();
  }

  /** Kills it, as a machine that fails does. */
  async kill() {
    this.child.signal("SIGKILL");
    await this.child.exited;
  }

  /** Starts it again, as it was. What feeds it from beside has gone on. */
  async again() {
    this.#spawn();
    if (this.product.producer) return;
    await this.#ready();
    this.rate(this.#rate);
  }

  /** Ends it at once: what a run has to measure is measured by then. */
  async stop() {
    if (this.producer !== this.child) await this.producer?.stop();
    await this.kill();
  }
}
