#include "runner/cli/verbs.h"

int main(int argc, char** argv) { return egressproof::cli::run_program(argc, argv); }
