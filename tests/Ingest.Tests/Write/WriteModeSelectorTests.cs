using Ingest.Write;
using Xunit;

namespace Ingest.Tests.Write;

public sealed class WriteModeSelectorTests
{
    [Fact]
    public void New_rows_are_written_without_looking() => Assert.Equal(WriteMode.Optimistic, new WriteModeSelector(expectDuplicates: false).Next);

    [Fact]
    public void A_replay_always_looks_first()
    {
        var policy = new WriteModeSelector(expectDuplicates: true);
        for (var flush = 0; flush < 1_000; flush++)
        {
            Assert.Equal(WriteMode.Compared, policy.Next);
            policy.Committed(WriteMode.Compared, known: 0);
        }
    }

    [Fact]
    public void After_a_conflict_it_looks_for_a_while_and_recovers()
    {
        var policy = new WriteModeSelector(expectDuplicates: false);
        policy.Conflicted();

        Assert.Equal(WriteModeSelector.ShortestWhile * 2, ComparedUntilOptimistic(policy));
    }

    [Fact]
    public void While_duplicates_come_it_keeps_looking()
    {
        var policy = new WriteModeSelector(expectDuplicates: false);
        policy.Conflicted();
        for (var flush = 0; flush < 1_000; flush++)
        {
            Assert.Equal(WriteMode.Compared, policy.Next);
            policy.Committed(WriteMode.Compared, known: 1);
        }
    }

    [Fact]
    public void Conflicts_in_quick_succession_double_the_while_up_to_its_bound()
    {
        var policy = new WriteModeSelector(expectDuplicates: false);
        var last = 0;
        for (var conflict = 0; conflict < 10; conflict++)
        {
            policy.Conflicted();
            var compared = ComparedUntilOptimistic(policy);
            Assert.True(compared > last || compared == WriteModeSelector.LongestWhile);
            last = compared;
        }

        Assert.Equal(WriteModeSelector.LongestWhile, last);
    }

    [Fact]
    public void A_conflict_after_a_long_peace_starts_with_a_short_while_again()
    {
        var policy = new WriteModeSelector(expectDuplicates: false);
        for (var conflict = 0; conflict < 10; conflict++)
        {
            policy.Conflicted();
        }

        ComparedUntilOptimistic(policy);
        for (var flush = 0; flush <= WriteModeSelector.LongestWhile; flush++)
        {
            policy.Committed(WriteMode.Optimistic, known: 0);
        }

        policy.Conflicted();
        Assert.Equal(WriteModeSelector.ShortestWhile, ComparedUntilOptimistic(policy));
    }

    private static int ComparedUntilOptimistic(WriteModeSelector policy)
    {
        var compared = 0;
        for (; policy.Next == WriteMode.Compared; compared++)
        {
            policy.Committed(WriteMode.Compared, known: 0);
        }

        return compared;
    }
}
