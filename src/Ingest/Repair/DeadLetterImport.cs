using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;
using Npgsql;

namespace Ingest.Repair;

/// <summary>A line that was not taken.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Sentence">Why.</param>
public sealed record WrongLine(long Number, string Sentence);

/// <summary>
/// Takes dead letters that somebody has mended through the pipeline, under the stamp and device they were kept with. A letter is resolved
/// in the transaction that stores its rows; one whose line is wrong, or rejected, stays as it is. So the same lines can be imported twice.
/// </summary>
/// <param name="dataSource">The database.</param>
/// <param name="settings">The settings of the pipeline.</param>
public sealed class DeadLetterImport(NpgsqlDataSource dataSource, TelemetrySettings settings)
{
    private const string Command = "import";
    private const int MostLines = 200;
    private const int MostBytes = 8 * 1024 * 1024;

    private readonly DeadLetterFrame _frame = DeadLetterFrame.Of(settings, TelemetryMapping.Create(settings).Fields);
    private readonly Dictionary<string, (long Number, LetterLine Line)> _lines = new(StringComparer.Ordinal);
    private int _bytes;

    /// <summary>What has become of the letters whose lines were taken.</summary>
    public RepairReport Report { get; } = new();

    /// <summary>Lines whose letter was resolved before.</summary>
    public long ResolvedBefore { get; private set; }

    /// <summary>Lines that were not taken, or were and are rejected.</summary>
    public long WrongLines { get; private set; }

    /// <param name="lines">Lines of JSON, as an export writes them.</param>
    /// <param name="pipeline">What stores them.</param>
    /// <param name="wrong">Told of every line that is wrong; the others are taken all the same.</param>
    /// <param name="cancellationToken">Stops it: what is stored by then is resolved.</param>
    /// <exception cref="Failures.StoredValuesMismatchException">The lines contradict what is stored at their stamps.</exception>
    public async Task RunAsync(Stream lines, IngestPipeline pipeline, Action<WrongLine> wrong, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(wrong);
        void Tell(long number, string sentence)
        {
            WrongLines++;
            wrong(new WrongLine(number, sentence));
        }

        await foreach (var (number, line) in LineReader.ReadAsync(lines, cancellationToken))
        {
            LetterLine letter;
            try
            {
                letter = LetterLine.Read(line ?? throw new FormatException($"it has more than {LineReader.Longest} bytes"));
            }
            catch (FormatException exception)
            {
                Tell(number, $"{exception.Message}.");
                continue;
            }

            var key = Convert.ToHexString(letter.Key);
            if (_lines.Count == MostLines || _bytes + letter.Body.Length > MostBytes || _lines.ContainsKey(key))
            {
                await StoreAsync(pipeline, Tell, cancellationToken);
            }

            _lines.Add(key, (number, letter));
            _bytes += letter.Body.Length;
        }

        await StoreAsync(pipeline, Tell, cancellationToken);
    }

    private async Task StoreAsync(IngestPipeline pipeline, Action<long, string> tell, CancellationToken cancellationToken)
    {
        var kept = (await new DeadLetterReader(dataSource).ListAsync(
                new DeadLetterFilter(Limit: MostLines)
                {
                    Keys = [.. _lines.Values.Select(line => line.Line.Key)],
                    WithResolved = true,
                },
                cancellationToken))
            .ToDictionary(letter => Convert.ToHexString(letter.Key));
        List<RawEvent> messages = [];
        foreach (var (key, (number, line)) in _lines)
        {
            if (kept.GetValueOrDefault(key) is not { } letter)
            {
                tell(number, $"no dead letter has the key {Convert.ToHexStringLower(line.Key)}: it was altered, or is past its retention.");
            }
            else if (letter.Resolution is not null)
            {
                ResolvedBefore++;
            }
            else if (ObstacleOf(line, letter) is { } obstacle)
            {
                tell(number, $"{obstacle}.");
            }
            else
            {
                messages.Add(Message(line, letter));
            }
        }

        if (messages.Count > 0)
        {
            var result = await pipeline.ProcessAsync(messages, checkpoint: null, cancellationToken);
            foreach (var tried in result.Tried)
            {
                Report.Add(tried);
                Tell(tried, _lines[Convert.ToHexString(tried.Letter.Key)].Number, tell);
            }

            Report.Rows += result.Counts.Stored;
            Report.NewLetters += result.Counts.DeadLettered;
        }

        _lines.Clear();
        _bytes = 0;
    }

    private static void Tell(TriedLetter tried, long number, Action<long, string> tell)
    {
        if (tried.Outcome == RetrialOutcome.Rejected)
        {
            tell(number, $"{tried.Reason}: {tried.Detail}");
        }
        else if (tried.Outcome == RetrialOutcome.NoReading)
        {
            tell(number, tried.Letter.Element < 0
                ? "its body has no reading, or one that is older than the table keeps."
                : $"its body has no element {tried.Letter.Element}, or one that is older than the table keeps. To take every reading of "
                    + "the body, set element to -1.");
        }
    }

    private string? ObstacleOf(LetterLine line, StoredDeadLetter letter)
    {
        if (letter.Time is { } time && line.Time is { } otherTime && otherTime != time)
        {
            return $"its time is not the letter's, {time:O}, which cannot be changed";
        }

        if (letter.Device is { } device && line.Device is { } otherDevice && otherDevice != device)
        {
            return $"its device is not the letter's, '{device}', which cannot be changed";
        }

        if (line.Element is { } element && element != letter.Element && element != -1)
        {
            return $"its element is neither the letter's, {letter.Element}, nor -1, which takes every reading of the body";
        }

        return LetterMessage.KeyObstacle(letter)
            ?? (line.Element == -1 ? null : LetterMessage.NumberingObstacle(letter, _frame))
            ?? LetterMessage.AnnotationObstacle(line.Annotations ?? letter.Annotations, _frame);
    }

    private static RawEvent Message(LetterLine line, StoredDeadLetter letter) => new()
    {
        Hub = letter.Hub,
        Partition = letter.Partition,
        Offset = letter.Offset,
        SequenceNumber = letter.SequenceNumber,
        RowTime = letter.Time ?? (line.Time is { } time ? Instant.Of(time).FloorToMillisecond().ToDateTime() : null),
        IsStampedByIotHub = LetterMessage.IsOfIotHub(letter),
        DeviceId = letter.Device ?? line.Device,
        ModuleId = letter.Module,
        MessageSource = letter.MessageSource,
        ContentType = line.ContentType,
        ContentEncoding = line.ContentEncoding,
        MessageId = letter.MessageId,
        Properties = DeadLetterText.ReadProperties(line.Properties),
        Annotations = LetterMessage.Annotations(line.Annotations ?? letter.Annotations),
        Retrial = new Retrial([new RetriedLetter(letter.Key, line.Element ?? letter.Element)], Command, IsAsKept: false),
        Body = line.Body,
    };
}
