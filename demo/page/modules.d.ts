/** Types of the imports that Vite turns into modules. */
declare module "*.css";
