using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace OnnxStream.Interop.Server.Page.Tests;

public class AccessibilityTests
{
    private PageServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await PageServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task AxeFindsNothing([Values] bool isDark)
    {
        IPage page = await Browser.OpenAsync(_server, scheme: isDark ? ColorScheme.Dark : ColorScheme.Light);
        await Expect(page.GetByText("0 running, 0 waiting")).ToBeVisibleAsync();
        await page.GetByText("Begin with a picture").ClickAsync();
        await FindNothingAsync(page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Chat" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Log, new() { Name = "Messages" })).ToBeVisibleAsync();
        await FindNothingAsync(page);
        await page.Context.CloseAsync();

        static async Task FindNothingAsync(IPage page)
        {
            AxeResult result = await page.RunAxe();
            Assert.That(result.Passes, Has.Length.GreaterThan(10));
            Assert.That(result.Violations.Select(found => $"{found.Id}: {string.Join(", ", found.Nodes.Select(node => node.Html))}"), Is.Empty);
        }
    }

    [Test]
    public async Task KeysAreEnough()
    {
        IPage page = await Browser.OpenAsync(_server);
        await Expect(page.GetByText("0 running, 0 waiting")).ToBeVisibleAsync();
        await TabToAsync(page, page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }));
        await page.Keyboard.TypeAsync("tiny-shapes");
        await TabToAsync(page, page.GetByLabel("Prompt", new() { Exact = true }));
        await page.Keyboard.TypeAsync("a green triangle");
        await TabToAsync(page, page.GetByLabel("Steps", new() { Exact = true }));
        await page.Keyboard.TypeAsync("2");
        await TabToAsync(page, page.GetByText("Begin with a picture"));
        await TabToAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Draw" }));
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Img, new() { Name = "a green triangle" })).ToBeVisibleAsync();
        await TabToAsync(page, page.GetByRole(AriaRole.Link, new() { Name = "Download" }));
        await TabToAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Show: a green triangle" }));
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task APhoneNeedsNoSidewaysScrolling()
    {
        IPage page = await Browser.OpenAsync(_server, width: 360);
        await Expect(page.GetByText("0 running, 0 waiting")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-shapes");
        await page.GetByLabel("Prompt", new() { Exact = true }).FillAsync(new string('x', 300));
        await page.GetByLabel("Steps", new() { Exact = true }).FillAsync("1");
        await page.GetByRole(AriaRole.Button, new() { Name = "Draw" }).ClickAsync();
        await Expect(page.GetByLabel("Parameters of the picture")).ToBeVisibleAsync();
        Assert.That(await WidthAsync(page), Is.LessThanOrEqualTo(360));
        await page.GetByRole(AriaRole.Link, new() { Name = "Chat" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Log, new() { Name = "Messages" })).ToBeVisibleAsync();
        Assert.That(await WidthAsync(page), Is.LessThanOrEqualTo(360));
        await page.Context.CloseAsync();

        static Task<int> WidthAsync(IPage page) => page.EvaluateAsync<int>("() => document.documentElement.scrollWidth");
    }

    [Test]
    public async Task MemoryInUseIsAPictureWithAName()
    {
        IPage page = await Browser.OpenAsync(_server, pane: "chat");
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-llm");
        await Expect(page.GetByRole(AriaRole.Img, new() { Name = "of 128 MiB taken by models" })).ToBeVisibleAsync();
        await page.GetByLabel("Most tokens").FillAsync("2");
        await page.GetByLabel("Message", new() { Exact = true }).FillAsync("hello");
        await page.GetByRole(AriaRole.Button, new() { Name = "Send" }).ClickAsync();

        // A model stays open behind its job.
        await Expect(page.GetByRole(AriaRole.Listitem).Filter(new() { HasText = "tiny-llm" })).ToContainTextAsync("iB");
        await page.Context.CloseAsync();
    }

    // What has the focus on the way there has to be seen.
    private static async Task TabToAsync(IPage page, ILocator wanted)
    {
        for (int i = 0; i < 40; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            Assert.That(
                await page.EvaluateAsync<bool>("() => document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'"),
                await page.EvaluateAsync<string>("() => document.activeElement.outerHTML.slice(0, 100)"));
            if (await wanted.EvaluateAsync<bool>("element => element === document.activeElement"))
            {
                return;
            }
        }

        Assert.Fail($"The tabulator does not reach {wanted}.");
    }
}
