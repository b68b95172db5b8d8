using System.CommandLine;
using Ingest.Benchmarks;

// One file a subcommand. Every benchmark asserts that the work was done before it prints a figure.
return new RootCommand("Benchmarks of Ingest, and its long fuzzing run.")
{
    DecodeBenchmark.Command(),
    Fuzzing.Command(),
}.Parse(args).Invoke();
