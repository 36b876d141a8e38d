import { fileURLToPath } from "node:url";

/** A file of this folder. */
export const here = (path = "") => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** A file of the repository. */
export const repository = (path = "") => fileURLToPath(new URL(`../../${path}`, import.meta.url));
