using System.ComponentModel.DataAnnotations;
using Ingest.Sources.EventHubs;
using Xunit;

namespace Ingest.Tests.EventHubs;

public sealed class HubConnectionStringTests
{
    private const string Real =
        "Endpoint=sb://IHSUPROD-1.servicebus.windows.net/;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0a2V5=;EntityPath=iothub-1";

    [Fact]
    public void A_real_hub_is_reached_over_tls_on_5671()
    {
        var hub = HubConnectionString.Parse(Real);

        Assert.Equal(("ihsuprod-1.servicebus.windows.net", null, true), (hub.Host, hub.Port, hub.UseTls));
        Assert.Equal(("service", "iothub-1"), (hub.KeyName, hub.EntityPath));
        Assert.Equal(
            "Endpoint=sb://ihsuprod-1.servicebus.windows.net/;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0a2V5=", hub.ForClient());
    }

    [Theory]
    [InlineData("Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=v;UseDevelopmentEmulator=true;", null)]
    [InlineData("Endpoint=sb://localhost:15672/;SharedAccessKeyName=k;SharedAccessKey=v;usedevelopmentemulator=True", 15672)]
    public void A_hub_of_development_is_reached_without_tls(string connectionString, int? port)
    {
        var hub = HubConnectionString.Parse(connectionString);

        Assert.Equal((port, false), (hub.Port, hub.UseTls));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("SharedAccessKeyName=k;SharedAccessKey=v", "no Endpoint")]
    [InlineData("Endpoint=sb://h/;SharedAccessKey=v", "no SharedAccessKeyName")]
    [InlineData("Endpoint=sb://h/;SharedAccessKeyName=k", "no SharedAccessKey.")]
    [InlineData("Endpoint=sb://h/", "no SharedAccessKeyName and SharedAccessKey (or SharedAccessSignature)")]
    [InlineData("Endpoint=h;SharedAccessKeyName=k;SharedAccessKey=v", "no address")]
    [InlineData("Endpoint", "Name=Value")]
    [InlineData("HostName=h.azure-devices.net;SharedAccessKeyName=k;SharedAccessKey=v", "Built-in endpoints")]
    public void What_is_missing_is_named(string connectionString, string named)
    {
        var refused = Assert.Throws<FormatException>(() => HubConnectionString.Parse(connectionString));

        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"{0}\"")]
    [InlineData("'{0}'")]
    [InlineData("  {0};  ")]
    [InlineData("{0}\r\n")]
    public void Quotes_spaces_and_line_ends_around_it_do_not_matter(string pasted)
    {
        var hub = HubConnectionString.Parse(
            string.Format(System.Globalization.CultureInfo.InvariantCulture, pasted, Real.Replace(";", " ; ", StringComparison.Ordinal)));

        Assert.Equal(HubConnectionString.Parse(Real).ForClient(), hub.ForClient());
        Assert.Equal("iothub-1", hub.EntityPath);
    }

    [Fact]
    public void Its_transport_is_taken_unless_a_setting_names_one()
    {
        var settings = new HubSettings { ConnectionString = Real + ";TransportType=AmqpWebSockets" };

        Assert.Equal(HubTransport.AmqpWebSockets, HubEndpoint.From(settings).Transport);
        settings.Transport = HubTransport.Amqp;
        Assert.Equal(HubTransport.Amqp, HubEndpoint.From(settings).Transport);
        Assert.Contains(
            "TransportType",
            Assert.Throws<FormatException>(() => HubConnectionString.Parse(Real + ";TransportType=Mqtt")).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", null, null, "Hub:ConnectionString is missing")]
    [InlineData("", "plant.servicebus.windows.net", null, "Hub:Name")]
    [InlineData("", "sb://plant", "telemetry", "no host name")]
    [InlineData(Real, "plant.servicebus.windows.net", "telemetry", "both name a hub")]
    public void Settings_that_do_not_name_one_hub_say_why(string connectionString, string? host, string? name, string named)
    {
        var settings = new HubSettings { ConnectionString = connectionString, FullyQualifiedNamespace = host, Name = name };

        Assert.Contains(named, HubEndpoint.Problem(settings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_and_a_name_are_a_hub_that_an_identity_reads() =>
        Assert.Equal(
            "plant.servicebus.windows.net/telemetry",
            HubEndpoint.From(new HubSettings { FullyQualifiedNamespace = "Plant.servicebus.windows.net", Name = "telemetry" }).Identity);

    [Theory]
    [InlineData("Endpoint=hunter2")]
    [InlineData("Endpoint=sb://user:hunter2@/;EntityPath=e")]
    [InlineData("Endpoint=SharedAccessKey hunter2;EntityPath=e")]
    public void An_endpoint_that_is_no_address_is_refused_without_repeating_it(string text) =>
        Assert.DoesNotContain(
            "hunter2",
            Assert.Throws<FormatException>(() => HubConnectionString.Parse(text)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Its_text_never_shows_the_key()
    {
        Assert.Equal("sb://ihsuprod-1.servicebus.windows.net:5671/iothub-1 (key service)", HubConnectionString.Parse(Real).ToString());
        Assert.DoesNotContain(
            "sig=",
            HubConnectionString.Parse("Endpoint=sb://h/;SharedAccessSignature=SharedAccessSignature sr=x&sig=y&se=1").ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_name_the_hub_by_EntityPath_or_by_Name()
    {
        Assert.Equal("ihsuprod-1.servicebus.windows.net/iothub-1", HubEndpoint.From(new HubSettings { ConnectionString = Real }).Identity);
        Assert.Equal("plant", HubEndpoint.From(new HubSettings { ConnectionString = Real, Identity = "plant" }).Identity);
        Assert.Equal(
            "ihsuprod-1.servicebus.windows.net/other",
            HubEndpoint.From(new HubSettings { ConnectionString = Real, Name = "other" }).Identity);
    }

    [Fact]
    public void Settings_say_that_nothing_names_the_hub()
    {
        var settings = new HubSettings { ConnectionString = "Endpoint=sb://h/;SharedAccessKeyName=k;SharedAccessKey=v" };
        var found = new List<ValidationResult>();

        Assert.False(Validator.TryValidateObject(settings, new ValidationContext(settings), found, validateAllProperties: true));
        Assert.Contains("EntityPath", Assert.Single(found).ErrorMessage, StringComparison.Ordinal);
    }
}
