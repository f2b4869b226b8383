using System.Text.Json;
using Microsoft.Playwright;
using OnnxStream.Interop.Server.Jobs;
using static Microsoft.Playwright.Assertions;

namespace OnnxStream.Interop.Server.Page.Tests;

public class ChatTests
{
    private PageServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await PageServer.StartAsync(options => options with { Queue = options.Queue with { MostRunning = 1 } });

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task AConversationHasSeveralTurns()
    {
        IPage page = await OpenAsync();
        await page.GetByLabel("Most tokens").FillAsync("6");
        await SayAsync(page, "hello");
        await Expect(Said(page, "The answer is complete.")).ToHaveCountAsync(1);
        await Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(2);
        Assert.That(await page.GetByRole(AriaRole.Article).Nth(1).Locator(".text").TextContentAsync(), Is.Not.Empty);

        IRequest request = await page.RunAndWaitForRequestAsync(() => SayAsync(page, "and more"), sent => sent.Method == "POST");
        Assert.That(
            JsonElement.Parse(request.PostData!).GetProperty("text").GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("role").GetString()),
            Is.EqualTo(["user", "assistant", "user"]));
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Stop" })).ToBeHiddenAsync();
        await Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(4);

        await page.GetByRole(AriaRole.Button, new() { Name = "New conversation" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(0);
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task AnAnswerCanBeStopped()
    {
        // One job at a time: while there is a long one, the answer waits.
        Job picture = _server.Server.Queue.Submit(new JobRequest { Kind = JobKind.Image, Image = new ImageParameters { Prompt = "", Steps = 150, Count = 8 } }, "local");
        IPage page = await OpenAsync();
        await SayAsync(page, "hello");
        await Expect(page.GetByText("1 waiting")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();
        await Expect(Said(page, "Stopped.")).ToHaveCountAsync(1);
        await Expect(page.GetByLabel("Message", new() { Exact = true })).ToHaveValueAsync("hello");
        _server.Server.Queue.Cancel(picture);
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task WhyThereIsNoAnswerIsSaid()
    {
        IPage page = await OpenAsync();
        await page.GetByLabel("Temperature").FillAsync("11");
        await SayAsync(page, "hello");
        await Expect(page.GetByRole(AriaRole.Alert).Filter(new() { HasText = "temperature should be from 0 to 10" })).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Message", new() { Exact = true })).ToHaveValueAsync("hello");
        await page.Context.CloseAsync();
    }

    private static ILocator Said(IPage page, string text) => page.GetByRole(AriaRole.Status).Filter(new() { HasText = text });

    private static async Task SayAsync(IPage page, string text)
    {
        await page.GetByLabel("Message", new() { Exact = true }).FillAsync(text);
        await page.Keyboard.PressAsync("Enter");
    }

    private async Task<IPage> OpenAsync()
    {
        IPage page = await Browser.OpenAsync(_server, pane: "chat");
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-llm");
        return page;
    }
}
