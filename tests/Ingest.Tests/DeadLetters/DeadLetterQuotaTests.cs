using System.Security.Cryptography;
using Ingest.DeadLetters;
using Xunit;

namespace Ingest.Tests.DeadLetters;

public sealed class DeadLetterQuotaTests
{
    private readonly DeadLetterQuota _quota = new(100);

    [Fact]
    public void All_up_to_the_quota_are_kept() => Assert.True(_quota.Keeps(99, Key(1)));

    [Fact]
    public void Past_it_about_one_in_a_hundred_is_kept_and_the_same_one_each_time()
    {
        var kept = Enumerable.Range(0, 20_000).Where(number => _quota.Keeps(100, Key(number))).ToArray();

        Assert.InRange(kept.Length, 120, 280);
        Assert.All(kept, number => Assert.True(_quota.Keeps(1_000_000, Key(number))));
    }

    private static byte[] Key(int number) => SHA256.HashData(BitConverter.GetBytes(number));
}
