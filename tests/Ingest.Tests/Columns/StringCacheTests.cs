using System.Globalization;
using System.Text;
using Ingest.Columns;
using Xunit;

namespace Ingest.Tests.Columns;

public sealed class StringCacheTests
{
    private readonly StringCache _cache = new();

    [Fact]
    public void A_name_that_returns_is_one_string() => Assert.Same(_cache.FromUtf8("dev-1"u8), _cache.FromUtf8("dev-1"u8));

    [Fact]
    public void A_long_string_is_made_anew_each_time()
    {
        var text = Encoding.UTF8.GetBytes(new string('x', StringCache.LongestKept + 1));

        Assert.NotSame(_cache.FromUtf8(text), _cache.FromUtf8(text));
        Assert.Equal(0, _cache.Bytes);
    }

    [Fact]
    public void However_many_strings_are_seen_those_that_are_kept_stay_within_the_bound()
    {
        for (var number = 0; number < 200_000; number++)
        {
            _cache.Keep(number.ToString("D128", CultureInfo.InvariantCulture));
            Assert.InRange(_cache.Bytes, 256, StringCache.MostBytes);
        }

        Assert.Same(_cache.FromUtf8("dev-1"u8), _cache.FromUtf8("dev-1"u8));
    }
}
