/** In place of the libraries to compare with, where a build of the page lacks them. */
throw new Error("this build of the page lacks that library");
