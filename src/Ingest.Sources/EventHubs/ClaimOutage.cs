using Ingest.Sources.Diagnostics;
using Ingest.Write;

namespace Ingest.Sources.EventHubs;

/// <summary>What keeps a worker from its partitions: one log line when it begins, one when it ends, and attempts in between only for debugging.</summary>
internal sealed class ClaimOutage(HubClient client)
{
    private long _since;
    private bool _needsOperator;
    private volatile string? _reason;

    /// <summary>What it waits for; null while it does not.</summary>
    public string? Reason => _reason;

    /// <summary>The hub did not say which partitions it has.</summary>
    public void Unreachable(HubException exception, TimeSpan delay)
    {
        if (IsNews(exception.Message, exception.NeedsOperator))
        {
            SourcesLog.Unreachable(client.Logger, client.Hub, exception.Message, delay);
        }
        else
        {
            SourcesLog.WaitingStill(client.Logger, client.Hub, exception.Message, delay);
        }
    }

    /// <summary>The database did not take the claim.</summary>
    public void NotClaimed(PostgresFailure failure, TimeSpan delay)
    {
        if (IsNews(failure.Sentence, needsOperator: false))
        {
            SourcesLog.NotClaimed(client.Logger, client.Hub, failure.Sentence, delay);
        }
        else
        {
            SourcesLog.WaitingStill(client.Logger, client.Hub, failure.Sentence, delay);
        }
    }

    public void Ends()
    {
        if (_reason is null)
        {
            return;
        }

        _reason = null;
        SourcesLog.GoingOn(client.Logger, client.Hub, client.Time.GetElapsedTime(_since));
    }

    // What waiting does not mend is news, also after what it does.
    private bool IsNews(string reason, bool needsOperator)
    {
        var begins = _reason is null;
        if (begins)
        {
            _since = client.Time.GetTimestamp();
        }

        var isNews = begins || _needsOperator != needsOperator;
        (_reason, _needsOperator) = (reason, needsOperator);
        return isNews;
    }
}
