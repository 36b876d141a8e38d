/** A name of this machine that looks to browsers as if it were another's. */
export const NAME = "tickwire.test";
