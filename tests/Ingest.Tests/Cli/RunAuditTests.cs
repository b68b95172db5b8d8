using Ingest.Cli.Simulation;
using Ingest.Cli.Up;
using Ingest.Events;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class RunAuditTests
{
    private static readonly StoreCounts Before = new(
        Rows: 10,
        DeadLetters: 2,
        new ReadingCounts(Received: 12, Stored: 10, DeadLettered: 2),
        new Dictionary<string, long> { ["sim-0000"] = 10 });

    private readonly SentLedger _ledger = new();
    private readonly ReadingCounts _run;
    private readonly StoreCounts _after;

    public RunAuditTests()
    {
        var fleet = new DeviceFleet(devices: 2, faults: true, new FakeTimeProvider());
        _ledger.Add([.. Enumerable.Range(0, 100).Select(_ => fleet.Next())]);
        _run = _ledger.Expected;
        _after = new StoreCounts(
            Before.Rows + _run.Stored,
            Before.DeadLetters + _run.DeadLettered,
            Before.Counts + _run,
            _ledger.RowsByDevice().ToDictionary(pair => pair.Key, pair => pair.Value + Before.RowsByDevice.GetValueOrDefault(pair.Key)));
    }

    [Fact]
    public void What_adds_up_gives_no_sentence() => Assert.Empty(Differences(_run, _after));

    [Fact]
    public void A_lost_row_is_named_by_its_device()
    {
        var rows = new Dictionary<string, long>(_after.RowsByDevice);
        rows["sim-0001"]--;
        var problems = Differences(_run, _after with { Rows = _after.Rows - 1, RowsByDevice = rows });

        Assert.Contains(
            problems,
            problem => problem.StartsWith("device sim-0001: rows due 44, the table grew by 43", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.StartsWith("rows: the pipeline stored", StringComparison.Ordinal));
    }

    [Fact]
    public void A_reading_counted_twice_is_found()
    {
        var problems = Differences(_run with { Received = _run.Received + 1, Duplicate = _run.Duplicate + 1 }, _after);

        Assert.Contains(problems, problem => problem.Contains("duplicate", StringComparison.Ordinal));
    }

    [Fact]
    public void Counts_that_do_not_add_up_are_found()
    {
        var problems = Differences(_run with { Received = _run.Received + 1 }, _after);

        Assert.Contains(problems, problem => problem.StartsWith("The counts do not add up", StringComparison.Ordinal));
    }

    [Fact]
    public void A_replay_that_adds_a_row_is_found()
    {
        var replay = new ReadingCounts(
            Received: _run.Received, Stored: 1, Duplicate: _run.Received - 1 - _run.Ignored, Ignored: _run.Ignored);

        Assert.Contains(
            RunAudit.ReplayDifferences(_run, replay, rowsBefore: 100, rowsAfter: 101),
            problem => problem.StartsWith("replay: new rows expected 0", StringComparison.Ordinal));
    }

    private IReadOnlyList<string> Differences(ReadingCounts run, StoreCounts after) =>
        RunAudit.Differences(_ledger.Messages, run, Before, after, _ledger);
}
