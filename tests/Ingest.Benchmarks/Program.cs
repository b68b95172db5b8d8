using System.CommandLine;
using Ingest.Benchmarks;

// One file a subcommand. Every benchmark asserts that the work was done before it prints a figure.
return await new RootCommand("Benchmarks of Ingest, and its long runs of faults and of fuzzing.")
{
    DecodeBenchmark.Command(),
    WriteBenchmark.Command(),
    UpBenchmark.Command(),
    WorkerBenchmark.Command(),
    BacklogBenchmark.Command(),
    LargeBenchmark.Command(),
    CompressedBenchmark.Command(),
    ArchiveBenchmark.Command(),
    FaultRounds.Command(),
    Fuzzing.Command(),
    Bombs.Command(),
}.Parse(args).InvokeAsync();
