using System.Security.Cryptography;
using Ingest.DeadLetters;
using Ingest.Settings;
using Xunit;

namespace Ingest.Tests.DeadLetters;

public sealed class DeadLetterQuotaTests
{
    private readonly DeadLetterQuota _quota = new(new DeadLetterSettings
    {
        QuotaPerDeviceAndDay = 100,
        QuotaMegabytesPerDeviceAndDay = 10,
        QuotaPerDay = 1_000,
        QuotaMegabytesPerDay = 50,
    });

    [Fact]
    public void All_up_to_the_quotas_are_kept() => Assert.True(Keeps(new(99, 9_999_900), new(999, 49_999_900), Key(1)));

    [Fact]
    public void Past_a_devices_number_about_one_in_a_hundred_is_kept_and_the_same_one_each_time()
    {
        var kept = Enumerable.Range(0, 20_000).Where(number => Keeps(new(100, 0), default, Key(number))).ToArray();

        Assert.InRange(kept.Length, 120, 280);
        Assert.All(kept, number => Assert.True(Keeps(new(1_000_000, 0), default, Key(number))));
    }

    [Fact]
    public void Past_a_devices_bytes_none_is_kept() =>
        Assert.DoesNotContain(Enumerable.Range(0, 2_000), number => Keeps(new(100, 9_999_901), default, Key(number)));

    [Theory]
    [InlineData(1_000, 0)]
    [InlineData(0, 49_999_901)]
    public void Past_what_is_kept_of_all_devices_none_is_kept_of_a_new_one(long rows, long bytes) =>
        Assert.DoesNotContain(Enumerable.Range(0, 2_000), number => Keeps(default, new(rows, bytes), Key(number)));

    [Fact]
    public void By_the_defaults_one_device_keeps_a_tenth_of_what_all_may_keep_and_all_of_them_30_GB_a_month()
    {
        var settings = new DeadLetterSettings();

        Assert.Equal(10, settings.QuotaMegabytesPerDay / settings.QuotaMegabytesPerDeviceAndDay);
        Assert.Equal(30_000, settings.QuotaMegabytesPerDay * settings.RetentionDays);
    }

    private static byte[] Key(int number) => SHA256.HashData(BitConverter.GetBytes(number));

    private bool Keeps(DeadLettersKept device, DeadLettersKept all, byte[] key) => _quota.Keeps(device, all, key, bytes: 100);
}
