using Ingest.Database.Node;
using Xunit;

namespace Ingest.Tests.Database;

public sealed class NodeCommandTests
{
    [Fact]
    public void What_is_started_gets_no_secret_from_the_environment()
    {
        var environment = new Dictionary<string, string?>
        {
            ["Hub__ConnectionString"] = "Endpoint=sb://hub;SharedAccessKey=key",
            ["DATABASE__CONNECTIONSTRING"] = "Host=db;Password=word",
            ["Database:ConnectionString"] = "Host=db;Password=word",
            ["AZURE_CLIENT_SECRET"] = "secret",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "api-key=key",
            ["PATH"] = "/usr/bin",
            ["HOME"] = "/home/me",
            ["npm_config_registry"] = "a registry",
            ["HTTPS_PROXY"] = "a proxy",
        };

        NodeCommand.RemoveSecrets(environment);

        Assert.Equal(["PATH", "HOME", "npm_config_registry", "HTTPS_PROXY"], environment.Keys);
    }
}
