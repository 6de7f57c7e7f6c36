// Stands for packages that the viewer never reaches: writing XML, files.
export default {};
export const create = () => {
  throw new Error("This part of the library is not in our bundle.");
};
