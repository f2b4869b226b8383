using System.Text.Json;
using Microsoft.Playwright;
using OnnxStream.Interop.Diffusion;
using static Microsoft.Playwright.Assertions;

namespace OnnxStream.Interop.Server.Page.Tests;

public class DrawTests
{
    private PageServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await PageServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task APictureComesIntoBeingAndHasItsParametersAndAFile()
    {
        IPage page = await OpenAsync();
        await page.EvaluateAsync(
            """
            () => {
              window.seen = [];
              new MutationObserver(() => window.seen.push(document.getElementById("shown").src.slice(0, 5)))
                .observe(document.getElementById("shown"), { attributes: true, attributeFilter: ["src"] });
            }
            """);
        await page.GetByLabel("Prompt", new() { Exact = true }).FillAsync("a red circle");
        await page.GetByLabel("Steps", new() { Exact = true }).FillAsync("4");
        await page.GetByLabel("Seed", new() { Exact = true }).FillAsync("42");
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Sampler", Exact = true }).SelectOptionAsync("Euler");
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Schedule", Exact = true }).SelectOptionAsync("Karras");
        await DrawButton(page).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Img, new() { Name = "a red circle" })).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Parameters of the picture")).ToContainTextAsync("Steps: 4");
        await Expect(page.GetByLabel("Parameters of the picture")).ToContainTextAsync("Sampler: Euler, Schedule type: Karras");
        await Expect(page.GetByLabel("Parameters of the picture")).ToContainTextAsync("Seed: 42");
        Assert.That(await page.EvaluateAsync<string[]>("() => window.seen"), Does.Contain("data:").And.Contain("blob:"));
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Show: a red circle, seed 42" })).ToHaveCountAsync(1);

        IDownload download = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Link, new() { Name = "Download" }).ClickAsync());
        Assert.That(download.SuggestedFilename, Is.EqualTo("onnxstream-42.png"));
        RgbImage picture = RgbImage.Decode(await File.ReadAllBytesAsync(await download.PathAsync()));
        Assert.That((picture.Width, picture.Height), Is.EqualTo((64, 64)));

        // What was drawn is there again when the page is.
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Show: a red circle, seed 42" })).ToHaveCountAsync(1);
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task ADrawingCanBeCancelled()
    {
        IPage page = await OpenAsync();
        await page.GetByLabel("Steps", new() { Exact = true }).FillAsync("150");
        await page.GetByLabel("Pictures", new() { Exact = true }).FillAsync("8");
        await DrawButton(page).ClickAsync();
        await Expect(page.GetByText("Drawing: step")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Status).Filter(new() { HasText = "Cancelled." })).ToHaveCountAsync(1);
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeHiddenAsync();
        Assert.That(_server.Server.Queue.RunningCount, Is.Zero);
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task APictureIsChangedWhereItIsPainted()
    {
        IPage page = await OpenAsync();
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-painter");
        await page.GetByText("Begin with a picture").ClickAsync();
        await page.GetByLabel("Picture to begin with").SetInputFilesAsync(new FilePayload { Name = "grey.png", MimeType = "image/png", Buffer = Grey(24, 16) });
        ILocator canvas = page.GetByLabel("Mask on the picture");
        await page.GetByLabel("Brush size").FillAsync("40");
        await page.GetByLabel("Strength").FillAsync("0.5");

        // A stroke of the mouse at the left, and the brush of the keys in the middle.
        await canvas.ScrollIntoViewIfNeededAsync();
        LocatorBoundingBoxResult box = (await canvas.BoundingBoxAsync())!;
        await page.Mouse.MoveAsync(box.X + 2, box.Y + 2);
        await page.Mouse.DownAsync();
        await page.Mouse.MoveAsync(box.X + 2, box.Y + box.Height - 2);
        await page.Mouse.UpAsync();
        await page.GetByLabel("Strength").FocusAsync();
        await canvas.FocusAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Keyboard.PressAsync("Space");

        await page.GetByLabel("Steps", new() { Exact = true }).FillAsync("4");
        IRequest request = await page.RunAndWaitForRequestAsync(() => DrawButton(page).ClickAsync(), sent => sent.Method == "POST");
        JsonElement image = JsonElement.Parse(request.PostData!).GetProperty("image");
        Assert.That(image.GetProperty("strength").GetDouble(), Is.EqualTo(0.5));
        RgbImage begin = RgbImage.Decode(image.GetProperty("image").GetBytesFromBase64());
        Assert.That((begin.Width, begin.Height), Is.EqualTo((24, 16)));
        RgbImage mask = RgbImage.Decode(image.GetProperty("mask").GetBytesFromBase64());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(At(mask, 0, 0.5), Is.EqualTo(255));
            Assert.That(At(mask, 0.6, 0.5), Is.EqualTo(255));
            Assert.That(At(mask, 1, 0), Is.Zero);
        }

        await Expect(page.GetByRole(AriaRole.Img, new() { Name = "Picture without a prompt" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Clear mask" }).ClickAsync();
        request = await page.RunAndWaitForRequestAsync(() => DrawButton(page).ClickAsync(), sent => sent.Method == "POST");
        Assert.That(JsonElement.Parse(request.PostData!).GetProperty("image").TryGetProperty("mask", out _), Is.False);
        await Expect(page.Locator("#gallery li")).ToHaveCountAsync(2);
        await page.Context.CloseAsync();
    }

    [Test]
    public async Task WhatTheServerRefusesIsSaidAtItsField()
    {
        IPage page = await OpenAsync();
        await page.GetByLabel("Width").FillAsync("63");
        await DrawButton(page).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert).Filter(new() { HasText = "multiple of 4" })).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Width")).ToBeFocusedAsync();
        await Expect(page.GetByLabel("Width")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(DrawButton(page)).ToHaveAttributeAsync("aria-disabled", "false");
        await page.Context.CloseAsync();
    }

    private static ILocator DrawButton(IPage page) => page.GetByRole(AriaRole.Button, new() { Name = "Draw" });

    private static byte At(RgbImage picture, double x, double y) =>
        picture.Pixels[3 * (((int)(y * (picture.Height - 1)) * picture.Width) + (int)(x * (picture.Width - 1)))];

    private static byte[] Grey(int width, int height)
    {
        RgbImage picture = new(width, height);
        picture.Pixels.Fill(128);
        return PngFile.Encode(picture);
    }

    // Ready as soon as the models are there.
    private async Task<IPage> OpenAsync()
    {
        IPage page = await Browser.OpenAsync(_server);
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Model", Exact = true }).SelectOptionAsync("tiny-shapes");
        return page;
    }
}
