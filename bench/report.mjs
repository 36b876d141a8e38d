export const writeReport = (folder) => folder;
