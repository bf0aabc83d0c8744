import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    outDir: '../src/kintsu/apps/api/static',
    emptyOutDir: true,
    assetsInlineLimit: 0, // nothing inline: the content security policy allows none
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600, // the charts, loaded when one is drawn
  },
  server: { proxy: { '/api': 'http://localhost:8000', '/ws': { target: 'http://localhost:8000', ws: true } } },
  test: { include: ['src/**/*.test.ts'] },
})
