using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Ingest.TestSupport.Fuzzing;

namespace Ingest.Benchmarks;

/// <summary>The long run of the fuzzer that the tests run briefly.</summary>
internal static class Fuzzing
{
    private const int Progress = 1_000_000;

    public static Command Command()
    {
        var bodies = new Option<long>("--bodies") { Description = "How many bodies to decode.", DefaultValueFactory = _ => 1_000_000 };
        var seed = new Option<int>("--seed") { Description = "Where to start; the same seed gives the same bodies.", DefaultValueFactory = _ => 1 };
        var command = new Command("fuzz", "Mutated bodies through the decoder, each judged by an independent reading of it.") { bodies, seed };
        command.SetAction(result => Run(result.GetValue(bodies), result.GetValue(seed)));
        return command;
    }

    private static int Run(long bodies, int seed)
    {
        var started = Stopwatch.GetTimestamp();
        var fuzzer = new DecoderFuzzer(seed);
        while (fuzzer.Bodies < bodies)
        {
            if (fuzzer.Run((int)Math.Min(Progress, bodies - fuzzer.Bodies)) is { } failure)
            {
                Console.Error.WriteLine(failure);
                return 1;
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{fuzzer.Bodies:n0} bodies in {Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s: {fuzzer.Stored:n0} readings taken, {fuzzer.Rejected:n0} rejected ({string.Join(", ", fuzzer.Reasons.Select(pair => $"{pair.Key} {pair.Value:n0}"))}), {fuzzer.Ignored:n0} ignored"));
        }

        return 0;
    }
}
