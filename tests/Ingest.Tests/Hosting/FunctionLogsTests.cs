using Ingest.Functions.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Ingest.Tests.Hosting;

public sealed class FunctionLogsTests
{
    [Theory]
    [InlineData("Ingest.Write", LogLevel.Information, true)]
    [InlineData("Ingest.Write", LogLevel.Debug, false)]
    [InlineData("Npgsql.Command", LogLevel.Information, false)]
    [InlineData("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Information, false)]
    [InlineData("Npgsql.Connection", LogLevel.Error, false)]
    [InlineData("Microsoft.AspNetCore.DataProtection.KeyManagement.XmlKeyManager", LogLevel.Warning, false)]
    [InlineData("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Warning, true)]
    public void Noise_does_not_leave_the_app(string category, LogLevel level, bool leaves)
    {
        Assert.Equal(leaves, IsEnabled(category, level));
    }

    [Fact]
    public void An_app_setting_has_the_last_word()
    {
        Assert.True(IsEnabled("Npgsql.Command", LogLevel.Information, ("Logging:LogLevel:Npgsql", "Information")));
        Assert.True(IsEnabled("Npgsql.Command", LogLevel.Debug, ("Logging:LogLevel:Npgsql.Command", "Debug")));
        Assert.False(IsEnabled("Ingest.Write", LogLevel.Information, ("Logging:LogLevel:Ingest", "Error")));
    }

    private static bool IsEnabled(string category, LogLevel level, params (string Name, string Value)[] appSettings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(appSettings.ToDictionary(setting => setting.Name, setting => (string?)setting.Value));
        FunctionLogs.AddLevels(configuration);
        using var services = new ServiceCollection()
            .AddLogging(logging => logging.AddConfiguration(configuration.Build().GetSection("Logging")).AddProvider(new Everything()))
            .BuildServiceProvider();
        return services.GetRequiredService<ILoggerFactory>().CreateLogger(category).IsEnabled(level);
    }

    private sealed class Everything : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
        }

        public void Dispose()
        {
        }
    }
}
