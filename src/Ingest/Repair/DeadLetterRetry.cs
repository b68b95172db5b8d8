using System.Runtime.CompilerServices;
using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Settings;
using Ingest.Write;
using Npgsql;

namespace Ingest.Repair;

/// <summary>
/// Takes kept dead letters through the pipeline once more, with today's settings and table. A letter is resolved in the transaction that
/// stores its rows; one that is rejected again stays, with the new reason. So it can be stopped anywhere, and started again.
/// </summary>
/// <param name="dataSource">The database.</param>
/// <param name="settings">The settings of the pipeline.</param>
public sealed class DeadLetterRetry(NpgsqlDataSource dataSource, TelemetrySettings settings)
{
    private const string Command = "retry";

    private readonly DeadLetterFrame _frame = DeadLetterFrame.Of(settings, TelemetryMapping.Create(settings).Fields);

    /// <summary>What has become of those whose turn has come.</summary>
    public RepairReport Report { get; } = new();

    /// <param name="filter">Which open letters.</param>
    /// <param name="pipeline">What stores them.</param>
    /// <param name="cancellationToken">Stops it: what is stored by then is resolved.</param>
    /// <exception cref="Failures.StoredValuesMismatchException">
    /// The letters contradict what is stored at their stamps: a mapping has changed since.
    /// </exception>
    public async Task RunAsync(DeadLetterFilter filter, IngestPipeline pipeline, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        await foreach (var messages in MessagesAsync(filter, cancellationToken))
        {
            var result = await pipeline.ProcessAsync(messages, checkpoint: null, cancellationToken);
            foreach (var letter in result.Tried)
            {
                Report.Add(letter);
            }

            Report.Rows += result.Counts.Stored;
            Report.NewLetters += result.Counts.DeadLettered;
        }
    }

    /// <summary>
    /// Decodes them with today's settings, and counts; stores nothing. <see cref="RepairReport.Stored"/> are those that would be rows, new
    /// or there already, unless the table refuses them.
    /// </summary>
    public async Task DryRunAsync(DeadLetterFilter filter, TimeProvider clock, CancellationToken cancellationToken)
    {
        var decoder = new BatchDecoder(TelemetryMapping.Create(settings), settings, clock);
        var trials = new LetterTrials();
        await foreach (var messages in MessagesAsync(filter, cancellationToken))
        {
            using var decoded = decoder.Decode(messages);
            trials.Load([decoded]);
            trials.Open(trials.Keys.Select(Convert.ToHexString).ToHashSet(StringComparer.Ordinal));
            for (var row = 0; row < decoded.Readings.Count; row++)
            {
                var (message, element) = (decoded.Readings.EventIndexes[row], decoded.Readings.ElementIndexes[row]);
                Report.Rows += trials.Takes(0, message, element) ? 1 : 0;
                trials.Count(0, message, element, RowOutcome.Stored);
            }

            foreach (var rejection in decoded.Rejections)
            {
                trials.TryReject(0, rejection);
            }

            foreach (var (_, letter) in trials.Judged)
            {
                Report.Add(letter);
            }
        }
    }

    // Those of a message together: it is decoded once.
    private async IAsyncEnumerable<IReadOnlyList<RawEvent>> MessagesAsync(
        DeadLetterFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var page in new DeadLetterReader(dataSource).PagesAsync(filter, cancellationToken))
        {
            var messages = new Dictionary<(string, long?, string), List<StoredDeadLetter>>();
            foreach (var letter in page)
            {
                if (LetterMessage.ObstacleOf(letter, _frame) is { } obstacle)
                {
                    Report.AddNotTried(obstacle);
                    continue;
                }

                var hash = Convert.ToHexString(DeadLetterKey.OfMessage(LetterMessage.Of(letter, null)));
                var message = (hash, letter.SequenceNumber, letter.Properties);
                if (!messages.TryGetValue(message, out var letters))
                {
                    messages.Add(message, letters = []);
                }

                letters.Add(letter);
            }

            if (messages.Count > 0)
            {
                yield return [.. messages.Values.Select(letters => LetterMessage.Of(
                    letters[0],
                    new Retrial([.. letters.Select(letter => new RetriedLetter(letter.Key, letter.Element))], Command, IsAsKept: true)))];
            }
        }
    }
}
