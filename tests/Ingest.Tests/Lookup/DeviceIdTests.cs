using Ingest.Lookup;
using Xunit;

namespace Ingest.Tests.Lookup;

public sealed class DeviceIdTests
{
    [Theory]
    [InlineData("itsme")]
    [InlineData("a.b")]
    [InlineData("Az09-:.+_*!(),=@;$'")]
    public void IoT_Hubs_ids_are_ids(string id) => Assert.True(DeviceId.IsValid(id));

    [Fact]
    public void An_id_of_128_characters_is_the_longest()
    {
        Assert.True(DeviceId.IsValid(new string('a', 128)));
        Assert.False(DeviceId.IsValid(new string('a', 129)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a%2Fb")]
    [InlineData("a/b")]
    [InlineData("a?b")]
    [InlineData("a#b")]
    [InlineData("a\\b")]
    [InlineData("a\u0000")]
    [InlineData("\u202Ea")]
    public void What_IoT_Hub_or_Cosmos_refuses_is_none(string? id) => Assert.False(DeviceId.IsValid(id));
}
