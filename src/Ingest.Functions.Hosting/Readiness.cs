using Ingest.Decode;
using Ingest.Diagnostics;
using Ingest.Failures;
using Ingest.Schema;
using Ingest.Settings;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Ingest.Functions.Hosting;

/// <summary>Whether readings can be stored.</summary>
/// <param name="Ready">Database and schema fit, and the write path works.</param>
/// <param name="Problems">What is wrong and what to do, each a sentence; empty when ready.</param>
/// <param name="State">How the write path is: a <see cref="PipelineState"/>'s name.</param>
/// <param name="Since">Since when.</param>
/// <param name="LastError">The most recent failure, even if it is over; null if there was none.</param>
/// <param name="Retries">Flushes tried again, since the process started.</param>
/// <param name="QueuedMessages">Messages that wait for the database.</param>
public sealed record ReadinessReport(
    bool Ready, IReadOnlyList<string> Problems, string State, DateTimeOffset Since, string? LastError, long Retries, long QueuedMessages);

/// <summary>Asks the database now, in place of remembering what it was like at the start.</summary>
/// <param name="dataSource">The pipeline's own: its login and network are what is asked about.</param>
/// <param name="telemetry">What the table has to fit.</param>
/// <param name="database">How the database is used.</param>
/// <param name="health">The pipeline's.</param>
/// <param name="clock">Measures <see cref="Patience"/>.</param>
public sealed class Readiness(
    NpgsqlDataSource dataSource,
    IOptions<TelemetrySettings> telemetry,
    IOptions<DatabaseSettings> database,
    PipelineHealth health,
    TimeProvider clock)
{
    /// <summary>Longest wait for the database.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Asks. A database that cannot be reached is a problem in the report; only the caller's own cancellation is thrown.</summary>
    public async Task<ReadinessReport> AskAsync(CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        List<string> problems = [];
        try
        {
            var table = TargetTable.Of(TelemetryMapping.Create(telemetry.Value));
            var report = await SchemaCheck.RunAsync(
                dataSource,
                table,
                database.Value,
                telemetry.Value.RetentionDays > 0 ? DatabaseUse.WriteAndDrop : DatabaseUse.Write,
                either.Token);
            problems.AddRange(report.Problems.Select(problem => problem.ToString()));
        }
        catch (Exception) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            problems.Add($"The database did not answer within {Patience.TotalSeconds} s.");
        }
        catch (Exception exception) when (
            !cancellationToken.IsCancellationRequested && (exception is NpgsqlException || ConnectionFailure.IsNamed(exception)))
        {
            problems.Add((await ConnectionFailure.OfAsync(dataSource, exception, cancellationToken)).Sentence);
        }

        var state = health.Read();
        if (state.Error is { } error && !problems.Contains(error))
        {
            problems.Add(error);
        }

        return new ReadinessReport(
            problems.Count == 0,
            problems,
            state.State.ToString(),
            state.Since,
            state.LastError,
            state.Retries,
            state.QueuedMessages);
    }
}
