using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace OnnxStream.Interop.Server.Page.Tests;

public class ConnectionTests
{
    [Test]
    public async Task ThePageGoesOnWhenTheServerIsBack()
    {
        await using PageServer server = await PageServer.StartAsync();
        IPage page = await Browser.OpenAsync(server);
        ILocator lost = page.GetByRole(AriaRole.Alert).Filter(new() { HasText = "connection to the server is lost" });
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-shapes");
        await page.GetByLabel("Steps", new() { Exact = true }).FillAsync("150");
        await page.GetByRole(AriaRole.Button, new() { Name = "Draw" }).ClickAsync();
        await Expect(page.GetByText("Drawing: step")).ToBeVisibleAsync();

        await server.StopAsync();
        await Expect(lost).ToBeVisibleAsync();
        await server.StartAgainAsync();
        await Expect(lost).ToBeHiddenAsync();
        await Expect(page.GetByRole(AriaRole.Status).Filter(new() { HasText = "The server is back." })).ToHaveCountAsync(1);

        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeHiddenAsync();
        await page.GetByLabel("Steps", new() { Exact = true }).FillAsync("1");
        await page.GetByRole(AriaRole.Button, new() { Name = "Draw" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Download" })).ToBeVisibleAsync();
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task AKeyIsAskedForAndKeptInTheTab()
    {
        const string Key = "the-key-of-these-tests";
        await using PageServer server = await PageServer.StartAsync(options => options with { ApiKeys = [Key] });
        IPage page = await Browser.OpenAsync(server);
        ILocator dialog = page.GetByRole(AriaRole.Dialog, new() { Name = "This server needs a key" });
        await Expect(dialog.GetByLabel("Key")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("not-the-key-of-these-tests");
        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog.GetByText("This key is none of the server's.")).ToBeVisibleAsync();
        await page.Keyboard.TypeAsync(Key);
        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog).ToBeHiddenAsync();

        await page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-shapes");
        await page.GetByLabel("Steps", new() { Exact = true }).FillAsync("1");
        await page.GetByRole(AriaRole.Button, new() { Name = "Draw" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Download" })).ToBeVisibleAsync();

        await page.ReloadAsync();
        await Expect(page.GetByText("0 running, 0 waiting")).ToBeVisibleAsync();
        await Expect(dialog).ToBeHiddenAsync();
        await page.Context.CloseAsync();
    }
}
