using Microsoft.Playwright;

namespace OnnxStream.Interop.Server.Page.Tests;

/// <summary>The system's Chromium, started once for all tests. They are skipped where there is none.</summary>
[SetUpFixture]
public sealed class Browser
{
    // The machine may have much else to do.
    private const float Patience = 60_000;

    private static readonly string[] s_arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private static readonly string[] s_programs = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"];

    private static IPlaywright? s_playwright;
    private static IBrowser? s_browser;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        string? program = Environment.GetEnvironmentVariable("ONNXSTREAM_BROWSER") ?? s_programs.FirstOrDefault(File.Exists);
        if (program is null)
        {
            Assert.Ignore("There is no Chromium; the environment variable ONNXSTREAM_BROWSER may name one.");
        }

        s_playwright = await Playwright.CreateAsync();
        s_browser = await s_playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = program, Args = s_arguments, Timeout = 2 * Patience });
        Assertions.SetDefaultExpectTimeout(Patience);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (s_browser is not null)
        {
            await s_browser.CloseAsync();
        }

        s_playwright?.Dispose();
    }

    /// <summary>Opens the page of a server in a browser that remembers nothing.</summary>
    /// <param name="server">The server.</param>
    /// <param name="width">The width of the window in pixels.</param>
    /// <param name="scheme">Whether the person likes it dark.</param>
    /// <param name="pane">Which pane.</param>
    internal static async Task<IPage> OpenAsync(PageServer server, int width = 1280, ColorScheme scheme = ColorScheme.Light, string pane = "draw")
    {
        IBrowserContext context = await s_browser!.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = width, Height = 800 }, ColorScheme = scheme });
        context.SetDefaultTimeout(Patience);
        IPage page = await context.NewPageAsync();
        await page.GotoAsync($"{server.Address}#{pane}");
        return page;
    }
}
