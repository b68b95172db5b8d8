using System.Text;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport.Archives;
using Xunit;

namespace Ingest.Tests.Archives;

/// <summary>A folder that changes while it is replayed.</summary>
public sealed class ArchiveReplayTests : IDisposable
{
    private static readonly DateTime Begin = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    private readonly ArchiveFolder _folder = new();
    private readonly List<RawEvent> _taken = [];
    private readonly ArchiveReplayOptions _options = new(new ReplayRange(DateTime.MinValue), "conditions", EventFields.Default);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_file_that_vanishes_is_told_and_the_others_go_on()
    {
        var gone = _folder.Add(ArchiveWriter.Lines(Messages(0, 3)));
        _folder.Add(ArchiveWriter.Lines(Messages(3, 3)));
        var plan = await PlanAsync();
        File.Delete(Path.Combine(_folder.Path, gone));

        var result = await ReplayAsync(plan);

        Assert.Equal(3, _taken.Count);
        Assert.Equal(
            $"{gone}, from its first record on: it was there when the archive was listed, and is gone now.",
            Assert.Single(result.Problems).Sentence);
    }

    [Fact]
    public async Task A_file_that_grows_is_read_as_far_as_it_was_when_the_archive_was_listed()
    {
        var name = _folder.Add(ArchiveWriter.Lines(Messages(0, 3)));
        var plan = await PlanAsync();
        _folder.Add(name, ArchiveWriter.Lines(Messages(0, 5)));

        var result = await ReplayAsync(plan);

        Assert.Equal(3, _taken.Count);
        Assert.Equal(plan.Bytes, result.Progress.Bytes);
    }

    [Fact]
    public async Task A_line_that_was_being_written_when_the_archive_was_listed_is_told_to_be_read_again()
    {
        var whole = ArchiveWriter.Lines(Messages(0, 3));
        var name = _folder.Add(whole[..^5]);
        var plan = await PlanAsync();
        _folder.Add(name, whole);

        var result = await ReplayAsync(plan);

        Assert.Equal(2, _taken.Count);
        var problem = Assert.Single(result.Problems);
        Assert.Equal(2, problem.Records);
        Assert.StartsWith(
            $"{name}, record 3: it has changed since the archive was listed, from {whole.Length - 5} to {whole.Length} bytes; run",
            problem.Sentence,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_became_shorter_is_told()
    {
        var whole = ArchiveWriter.Routed(Messages(0, 300));
        var name = _folder.Add(whole);
        var plan = await PlanAsync();
        _folder.Add(name, whole[..(whole.Length / 2)]);

        var result = await ReplayAsync(plan);

        Assert.Contains("it has changed since the archive was listed", Assert.Single(result.Problems).Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TimeSource.IotHub, false, "whole seconds")]
    [InlineData(TimeSource.EventHub, false, "whole seconds")]
    [InlineData(TimeSource.EventHub, true, "Telemetry:TimeSource is EventHub")]
    public async Task Stamps_that_cannot_equal_those_of_live_rows_are_found_before_anything_is_read(
        TimeSource source, bool routed, string sentence)
    {
        _folder.Add(ArchiveWriter.Captured([]));
        _folder.Add(routed ? ArchiveWriter.Routed(Messages(0, 3)) : ArchiveWriter.Captured(Messages(0, 3), annotations: false));
        var options = _options with { Fields = EventFields.Default with { TimeSource = source } };
        var plan = await PlanAsync();

        Assert.Contains(sentence, await plan.FindOtherStampsAsync(options, Cancel), StringComparison.Ordinal);
        Assert.Contains(sentence, Assert.Single((await ReplayAsync(plan, options)).Problems).Sentence, StringComparison.Ordinal);
        Assert.Empty(_taken);

        Assert.Empty((await ReplayAsync(plan, options with { AcceptOtherStamps = true })).Problems);
        Assert.Equal(Begin, Assert.IsType<DateTime>(_taken[0].RowTime), TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData(TimeSource.IotHub, 0)]
    [InlineData(TimeSource.EventHub, 200)]
    public async Task Captured_stamps_keep_their_milliseconds(TimeSource source, int lag)
    {
        _folder.Add(ArchiveWriter.Captured([new ArchivedMessage("d", Begin.AddMilliseconds(123), "{}"u8.ToArray())]));

        await ReplayAsync(await PlanAsync(), _options with { Fields = EventFields.Default with { TimeSource = source } });

        Assert.Equal(Begin.AddMilliseconds(123 + lag), Assert.Single(_taken).RowTime);
    }

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<ArchivedMessage> Messages(int first, int count) => Enumerable.Range(first, count).Select(
        number => new ArchivedMessage("d", Begin.AddSeconds(number), Encoding.UTF8.GetBytes($$"""{"temperature":{{number}}}""")));

    private Task<ArchivePlan> PlanAsync() => ArchivePlan.MakeAsync(new FolderArchive(_folder.Path), "", Cancel);

    private Task<ArchiveResult> ReplayAsync(ArchivePlan plan, ArchiveReplayOptions? options = null) =>
        new ArchiveReplay(
            plan,
            options ?? _options,
            (events, _, _) =>
            {
                lock (_taken)
                {
                    _taken.AddRange(events);
                }

                return Task.FromResult(new BatchResult(new ReadingCounts(events.Count, events.Count), default));
            },
            checkpoints: null).RunAsync(progress: null, Cancel);
}
