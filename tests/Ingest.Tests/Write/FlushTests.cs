using Ingest.GroupCommit;
using Ingest.Write;
using Xunit;

namespace Ingest.Tests.Write;

public sealed class FlushTests
{
    [Fact]
    public async Task A_batch_cancelled_while_its_flush_waits_is_let_go_at_once()
    {
        using var cancel = new CancellationTokenSource();
        var impatient = new PendingBatch([], null, 0, cancel.Token);
        var patient = new PendingBatch([], null, 0, CancellationToken.None);
        using var flush = new Flush([impatient, patient], () => { }, CancellationToken.None);
        flush.Pause();

        await cancel.CancelAsync();
        impatient.CancelInFlush();

        Assert.True(impatient.Completion.Task.IsCanceled);
        Assert.Equal([patient], flush.Batches);
        Assert.False(flush.Abandoned.IsCancellationRequested);
    }
}
