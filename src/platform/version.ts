/** The package's version as code, so that no module has to import JSON; a test holds it equal to package.json's. */
export const version = '0.1.0';
