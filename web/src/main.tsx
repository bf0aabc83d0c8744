import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter, Route, Routes } from 'react-router'
import { Trouble } from './api/client'
import { Incidents } from './pages/Incidents'
import { Mend } from './pages/Mend'
import { Models } from './pages/Models'
import { NotFound } from './pages/NotFound'
import { Objectives } from './pages/Objectives'
import { Overview } from './pages/Overview'
import { Questions } from './pages/Questions'
import { RunPage } from './pages/RunPage'
import { Runs } from './pages/Runs'
import { Settings } from './pages/Settings'
import { StreamPage } from './pages/StreamPage'
import { Streams } from './pages/Streams'
import { TablePage } from './pages/TablePage'
import { NewsProvider } from './parts/News'
import { Shell } from './parts/Shell'
import { applyTheme } from './parts/theme'
import './style.css'

applyTheme()

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && !(error instanceof Trouble && error.status > 0 && error.status < 500),
    },
  },
})

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <NewsProvider>
        <BrowserRouter>
          <Routes>
            <Route element={<Shell />}>
              <Route path="/" element={<Overview />} />
              <Route path="/runs" element={<Runs />} />
              <Route path="/runs/:run" element={<RunPage />} />
              <Route path="/runs/:run/questions" element={<Questions />} />
              <Route path="/tables/:kind/:table" element={<TablePage />} />
              <Route path="/mend" element={<Mend />} />
              <Route path="/incidents" element={<Incidents />} />
              <Route path="/streams" element={<Streams />} />
              <Route path="/streams/:stream" element={<StreamPage />} />
              <Route path="/objectives" element={<Objectives />} />
              <Route path="/models" element={<Models />} />
              <Route path="/settings" element={<Settings />} />
              <Route path="*" element={<NotFound />} />
            </Route>
          </Routes>
        </BrowserRouter>
      </NewsProvider>
    </QueryClientProvider>
  </StrictMode>,
)
